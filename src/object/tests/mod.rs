//! Tests of the room through its public face.

mod birth;
mod change;
mod encodings;
mod hostile;
mod lifecycle;
mod oracle;
mod samples;
mod searching;
