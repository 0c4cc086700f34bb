//! Tests of the room through its public face.

mod lifecycle;
mod oracle;
mod samples;
