//! Every shared vector through the module's doors: C_ImportBCryptBlob under its type, its generic type and by magic, and C_CreateObject
//! with CKA_CNG_BLOB. Each key is used (its own `checks`), compared with its components and exported byte for byte; the damaged blobs of
//! `negative.json` and `layouts.json` are refused with the code, the NTSTATUS and a reason, and nothing is stored.
//!
//! The command line is the fourth door and has its own tests. Where `../shared` is absent, a line says so and the test passes.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

#[path = "../client/mod.rs"]
mod client;
mod door;
mod layouts;
mod negative;
mod usage;

use client::vendor::{CKA_CNG_ORIGIN, Import};
use client::{Attrs, Module, alone, load, shared};
use cryptoki_sys::*;
use door::{Door, Family, Keys};
use serde_json::Value;

/// Families that a later issue brings: their refusal as not supported is counted, not complained about. Shrinks as they land.
pub(crate) const LATER: &[Family] = &[];

/// What a file came to.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) later: usize,
    pub(crate) skipped: usize,
    pub(crate) complaints: Vec<String>,
    pub(crate) records: Vec<String>,
}

impl Tally {
    pub(crate) fn complain(&mut self, what: impl Into<String>) {
        self.complaints.push(what.into());
    }

    /// Prints the counts and fails the test if anything was complained about.
    pub(crate) fn close(self, file: &str) {
        for record in &self.records {
            println!("note: {file}: {record}");
        }
        let Self { passed, later, skipped, complaints, .. } = self;
        println!("note: {file}: {passed} passed, {} failed, {later} later, {skipped} for the command line", complaints.len());
        assert!(complaints.is_empty(), "{file}: {} complaints:\n{}", complaints.len(), complaints.join("\n"));
        assert!(passed + later > 0, "{file}: nothing was tested");
    }
}

macro_rules! files {
    ($($name:ident: $file:literal;)*) => {
        $(#[test]
        fn $name() {
            alone(|_| every_vector($file));
        })*
    };
}

files! {
    rsa_vectors_import_work_and_come_back_byte_for_byte: "rsa.json";
    ecc_vectors_import_work_and_come_back_byte_for_byte: "ecc.json";
    dsa_vectors_import_work_and_come_back_byte_for_byte: "dsa.json";
    dh_vectors_import_work_and_come_back_byte_for_byte: "dh.json";
    legacy_vectors_import_work_and_come_back_byte_for_byte: "legacy.json";
    mlkem_vectors_import_work_and_come_back_byte_for_byte: "mlkem.json";
    pqdsa_vectors_import_work_and_come_back_byte_for_byte: "pqdsa.json";
    third_party_ecc_vectors_import_work_and_come_back_byte_for_byte: "third-party/ecc.json";
    third_party_dsa_vectors_import_work_and_come_back_byte_for_byte: "third-party/dsa.json";
    third_party_legacy_vectors_import_work_and_come_back_byte_for_byte: "third-party/legacy.json";
    third_party_mlkem_vectors_import_work_and_come_back_byte_for_byte: "third-party/mlkem.json";
    third_party_pqdsa_vectors_import_work_and_come_back_byte_for_byte: "third-party/pqdsa.json";
}

#[test]
fn damaged_blobs_are_refused_with_code_status_and_reason_and_nothing_is_stored() {
    alone(|_| negative::run());
}

#[test]
fn layouts_are_read_or_refused_as_said() {
    alone(|_| layouts::run("layouts.json"));
}

#[test]
fn third_party_layouts_are_read_or_refused_as_said() {
    alone(|_| layouts::run("third-party/layouts.json"));
}

/// Imported so that the numbers can be read and the blob exported.
pub(crate) fn open_attrs() -> Attrs {
    Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)
}

fn every_vector(file: &str) {
    let Some(json) = shared::vectors(file) else { return };
    let m = load();
    let s = m.make_token_and_log_in();
    let mut tally = Tally::default();
    for vector in json["vectors"].as_array().expect("vectors") {
        let name = shared::text(vector, "name").expect("name");
        let blob_type = shared::text(vector, "blob_type").expect("blob_type");
        if blob_type.starts_with("PVK") {
            tally.skipped += 1;
            continue;
        }
        let key = &json["keys"][shared::text(vector, "key").expect("key")];
        let before = tally.complaints.len();
        let later = tally.later;
        for door in doors(vector) {
            through(m, s, vector, key, &door, &mut tally);
        }
        refuses_export_of_sensitive_keys(m, s, vector, &mut tally);
        if tally.complaints.len() == before && tally.later == later {
            tally.passed += 1;
        } else if tally.later > later {
            tally.later = later + 1;
        }
        let left = m.find(s, &Attrs::new().bool(CKA_TOKEN, false)).expect("a search").len();
        assert_eq!(left, 0, "{name}: objects were left behind");
    }
    tally.close(file);
}

/// Three names by two doors.
fn doors(vector: &Value) -> Vec<Door<'_>> {
    let (blob_type, generic, alg) = (shared::text(vector, "blob_type"), shared::text(vector, "generic_blob_type"), shared::text(vector, "algorithm"));
    let mut doors = Vec::new();
    for create in [false, true] {
        doors.push(Door { create, blob_type, alg_id: alg });
        if generic.is_some() {
            doors.push(Door { create, blob_type: generic, alg_id: None });
        }
        doors.push(Door { create, blob_type: None, alg_id: None });
    }
    doors
}

fn through(m: &Module, s: u64, vector: &Value, key: &Value, door: &Door<'_>, tally: &mut Tally) {
    let (name, blob) = (shared::text(vector, "name").expect("name"), shared::blob(vector));
    let private = shared::text(vector, "kind") == Some("private");
    let family = Family::of(shared::text(vector, "blob_type").expect("blob_type"), &blob);
    let keys = match door.open(m, s, &blob, private, 0, &attrs_for(vector, key)) {
        Ok(keys) => keys,
        Err(refusal) if refusal.is_not_supported() && LATER.contains(&family) => {
            tally.later += 1;
            return;
        }
        Err(refusal) => return tally.complain(format!("{name} through {door:?}: {refusal}")),
    };
    if private != keys.private.is_some() || keys.public.is_none() {
        tally.complain(format!("{name} through {door:?}: a {} blob gave {keys:?}", if private { "private" } else { "public" }));
    }
    let mut complaints = Vec::new();
    usage::components(m, s, vector, key, &keys, &mut complaints);
    usage::checks(m, s, key, &keys, family, &mut complaints);
    exports(m, s, vector, &blob, &keys, door, &mut complaints);
    complaints.iter().for_each(|complaint| tally.complain(format!("{name} through {door:?}: {complaint}")));
    keys.destroy(m, s);
}

/// DH1 says y only: prime and base come in the template.
fn attrs_for(vector: &Value, key: &Value) -> Attrs {
    let carries = |name: &str| vector["carries"].as_array().is_some_and(|all| all.iter().any(|part| part == name));
    if shared::text(vector, "algorithm") != Some("DH") || carries("p") {
        return open_attrs();
    }
    let part = |name: &str| shared::bytes(&key["components"], name).expect("a component");
    open_attrs().bytes(CKA_PRIME, &part("p")).bytes(CKA_BASE, &part("g"))
}

/// The same bytes under the names the vector gives. A blob that came by its magic alone is exported by the type that its origin names:
/// an old legacy DSA blob is a V2CAPIDSA… blob by its bytes, whatever it was called.
fn exports(m: &Module, s: u64, vector: &Value, blob: &[u8], keys: &Keys, door: &Door<'_>, complaints: &mut Vec<String>) {
    let own = keys.private.or(keys.public).expect("a key");
    let origin = m.get(s, own, CKA_CNG_ORIGIN).map(|text| String::from_utf8(text).expect("UTF-8")).unwrap_or_default();
    let by_magic = origin.split(' ').next().filter(|_| door.blob_type.is_none());
    let names = [by_magic.or(shared::text(vector, "blob_type")), shared::text(vector, "generic_blob_type")];
    for blob_type in names.into_iter().flatten() {
        match m.export(s, own, blob_type) {
            Err(rv) => complaints.push(format!("export as {blob_type}: {rv:?} {:?}", m.status(s))),
            Ok(exported) if exported != blob => {
                let at = exported.iter().zip(blob).take_while(|(a, b)| a == b).count();
                complaints.push(format!("export as {blob_type} gives {} bytes for {}, other from byte {at} on", exported.len(), blob.len()));
            }
            Ok(_) => {}
        }
    }
}

/// By default a private key is sensitive and not extractable; either alone is enough.
fn refuses_export_of_sensitive_keys(m: &Module, s: u64, vector: &Value, tally: &mut Tally) {
    if shared::text(vector, "kind") != Some("private") {
        return;
    }
    let (name, blob_type, blob) = (shared::text(vector, "name").expect("name"), shared::text(vector, "blob_type"), shared::blob(vector));
    let sensitive = Attrs::new().bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, true);
    let unextractable = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, false);
    for attrs in [Attrs::new(), sensitive, unextractable] {
        let imported = m.import(s, &Import { blob_type, blob: &blob, attrs, ..Import::default() });
        if imported.rv != CKR_OK {
            // Complained about, or counted as later, where the doors are tried.
            continue;
        }
        let (refused, status) = (m.export(s, imported.private, blob_type.expect("blob_type")), m.status(s));
        if refused != Err(client::Rv(CKR_KEY_UNEXTRACTABLE)) || status.as_ref().map(|(n, _)| *n) != Ok(client::vendor::STATUS_NOT_SUPPORTED) {
            tally.complain(format!("{name}: export of a sensitive key: {:?}, {status:?}", refused.map(|bytes| bytes.len())));
        }
        Keys { public: Some(imported.public), private: Some(imported.private) }.destroy(m, s);
    }
}
