//! `blob-types`: type, import, use, export and doors of every blob type, from the rows that decode and encode them. `--markdown` is
//! docs/blob-types.md, which a test holds to this; another test holds the columns to what the module does.

use crate::args::BlobTypes;
use crate::failure::{Exit, Failure};
use crate::report;
use cngtoken_blob::{BLOBS, BlobRow, magic_text};
use cngtoken_key::{Family, Half};

/// The ways in; the second one makes one object at a time.
const IMPORT: &[&str] = &["C_ImportBCryptBlob", "C_CreateObject", "cngtoken import"];
/// The ways out.
const EXPORT: &[&str] = &["C_ExportBCryptBlob", "cngtoken export"];

/// One line of the table.
struct Line {
    row: &'static BlobRow,
    half: &'static str,
    uses: &'static str,
    import: &'static [&'static str],
    export: &'static [&'static str],
}

impl Line {
    fn of(row: &'static BlobRow) -> Self {
        let taken = row.supported();
        let half = match row.half {
            _ if !taken => "-",
            Half::Public => "public",
            Half::Private if row.family == Some(Family::Secret) => "secret",
            Half::Private => "private",
        };
        let (import, export): (&[_], &[_]) = if taken { (IMPORT, EXPORT) } else { (&[], &[]) };
        Self { row, half, uses: if taken { uses(row) } else { "-" }, import, export }
    }

    fn magics(&self) -> Vec<String> {
        self.row.magics.iter().map(|m| magic_text(*m)).collect()
    }
}

/// What a key of this type does after import, unless the template says otherwise.
fn uses(row: &BlobRow) -> &'static str {
    let public = row.half == Half::Public;
    let starts = |prefix: &[u8]| row.magics.iter().any(|m| m.starts_with(prefix));
    let pick = |of_public, of_private| if public { of_public } else { of_private };
    match row.family {
        Some(Family::Rsa) => pick("encrypt, verify, wrap", "decrypt, sign, unwrap"),
        Some(Family::Dsa | Family::Edwards | Family::MlDsa | Family::SlhDsa) => pick("verify", "sign"),
        Some(Family::Dh | Family::Montgomery) => "derive",
        Some(Family::MlKem) => pick("encapsulate", "decapsulate"),
        Some(Family::Secret) if row.name == "CipherKeyBlob" => "encrypt, decrypt, sign, verify, wrap, unwrap",
        Some(Family::Secret) => "AES: encrypt, decrypt, sign, verify, wrap, unwrap; generic: sign, verify",
        _ if starts(b"EC") => pick(
            "ECDSA magics: verify; ECDH magics: verify, derive",
            "ECDSA magics: sign; ECDH magics: sign, derive, because Windows gives them to all",
        ),
        _ if starts(b"DSPK") || starts(b"DSSK") => pick("verify", "sign"),
        _ if row.is_der() => "as the key's family",
        _ if row.magics.is_empty() => "as the magic's own type",
        _ => "as the blob inside",
    }
}

/// Runs it.
pub(crate) fn run(args: &BlobTypes) -> Result<(), Failure> {
    let lines: Vec<Line> = BLOBS.iter().map(Line::of).collect();
    if args.json {
        let list: Vec<serde_json::Value> = lines.iter().map(json).collect();
        return report::line(&serde_json::to_string_pretty(&list).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?);
    }
    if args.markdown {
        return report::raw(markdown(&lines).as_bytes());
    }
    let mut table = vec![["TYPE", "CONSTANT", "HALF", "IMPORT", "USE", "EXPORT", "WHAT IT IS"].map(str::to_owned).to_vec()];
    for line in &lines {
        let yes = |doors: &[&str]| if doors.is_empty() { "no" } else { "yes" };
        let (import, export) = (yes(line.import), yes(line.export));
        table.push([line.row.name, line.row.symbol, line.half, import, line.uses, export, line.row.about].map(str::to_owned).to_vec());
    }
    let doors = format!("\nimport: {}; export: {}\n", IMPORT.join(", "), EXPORT.join(", "));
    report::raw((report::table(&table) + &doors).as_bytes())
}

fn json(line: &Line) -> serde_json::Value {
    serde_json::json!({
        "type": line.row.name,
        "constant": line.row.symbol,
        "aliases": line.row.aliases,
        "half": line.half,
        "magics": line.magics(),
        "import": line.import,
        "use": line.uses,
        "export": line.export,
        "about": line.row.about,
    })
}

fn markdown(lines: &[Line]) -> String {
    let mut out = String::from(
        "# Blob types: import, use, export, doors\n\n\
         Written by `cngtoken blob-types --markdown` from the rows that read and write the blobs; tests hold it to them and to the module.\n\
         The layouts and rules are in [../vendor-ext/README.md](../vendor-ext/README.md).\n\n",
    );
    out.push_str("| type | constant | half | magics | import | use | export |\n|---|---|---|---|---|---|---|\n");
    for line in lines.iter().filter(|l| l.row.supported()) {
        let magics = match line.magics() {
            none if none.is_empty() && line.row.is_der() => "none: DER".to_owned(),
            none if none.is_empty() => "any BCRYPT one".to_owned(),
            magics => format!("`{}`", magics.join(" ")),
        };
        let (name, symbol) = (line.row.name, line.row.symbol);
        let (import, export) = (line.import.join(", "), line.export.join(", "));
        out.push_str(&format!("| `{name}` | `{symbol}` | {} | {magics} | {import} | {} | {export} |\n", line.half, line.uses));
    }
    out.push_str("\n## Recognised and refused, through every door\n\n| type | constant | what it is and what to do |\n|---|---|---|\n");
    for line in lines.iter().filter(|l| !l.row.supported()) {
        out.push_str(&format!("| `{}` | `{}` | {} |\n", line.row.name, line.row.symbol, line.row.about));
    }
    out
}
