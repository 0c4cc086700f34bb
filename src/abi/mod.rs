//! The C edge: pointers become values, values become pointers. The only room with `unsafe`, and without logic.
//!
//! One table (`table.rs`) lists every function; the exported symbols and the three function lists are derived from it. Each call goes
//! through `door.rs` (initialised? panic? trace), its arguments through the few kinds of `args.rs`, `template.rs` and `mechanism.rs`,
//! and from there to `crate::token`. Refused here: pointers that are NULL where one is needed, lengths that cannot be, templates beyond
//! their caps. Called by applications only. Source: PKCS#11 3.2, "Function prototypes"; `vendor-ext/README.md` for the vendor interface.
#![allow(unsafe_code, reason = "the one room that meets the caller's pointers")]

mod args;
mod door;
mod fork;
mod initialize;
mod interface;
mod log;
mod mechanism;
mod memory;
mod message;
mod state;
mod structures;
mod table;
mod template;
mod vendor;

// The token's numbers are u64 and the edge hands CK_ULONG through unchanged; a target where they differ needs a conversion here first.
const _: () = assert!(size_of::<cryptoki_sys::CK_ULONG>() == size_of::<u64>() && size_of::<usize>() == size_of::<u64>());
