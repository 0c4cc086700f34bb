//! `blob-types`: the table of blob types, from the rows that decode and encode them.

use crate::failure::Failure;
use crate::report;
use cngtoken_key::Half;

/// Runs it.
pub(crate) fn run() -> Result<(), Failure> {
    let mut rows = vec![["TYPE", "CONSTANT", "HALF", "TAKEN", "WHAT IT IS"].map(str::to_owned).to_vec()];
    for row in cngtoken_blob::BLOBS {
        let half = match row.half {
            Half::Public => "public",
            Half::Private => "private",
        };
        let taken = if row.supported() { "yes" } else { "no" };
        rows.push([row.name, row.symbol, half, taken, row.about].map(str::to_owned).to_vec());
    }
    report::raw(report::table(&rows).as_bytes())
}
