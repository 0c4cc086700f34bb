//! The commands as a person or a script runs them: what is stored, what is said, which exit code. Each test has a token of its own.

#![allow(clippy::unwrap_used, reason = "in a test a failed assumption is a failed test")]

mod common;

use common::{Token, said, sample};
use std::process::Stdio;

fn exit(out: &std::process::Output) -> i32 {
    out.status.code().unwrap()
}

#[test]
fn a_token_is_made_shown_and_not_made_twice() {
    let token = Token::new();

    assert!(said(&token.run(&["info"])).contains("test token"));
    assert!(said(&token.run(&["mechanisms"])).contains("CKM_ECDSA_SHA256"));
    let again = token.run(&["init", "--label", "other"]);
    assert_eq!(exit(&again), 1);
    assert!(said(&again).contains("--force"));
    let forced = token.run(&["init", "--label", "other", "--force"]);
    assert_eq!(exit(&forced), 0, "{}", said(&forced));
}

#[test]
fn without_a_token_commands_say_how_to_make_one_and_make_no_file() {
    let token = Token::none();

    for args in [&["ls"][..], &["import", sample("ec-p256.blob").to_str().unwrap()]] {
        let out = token.run(args);
        assert_eq!(exit(&out), 4, "{}", said(&out));
        assert!(said(&out).contains("cngtoken init"), "{}", said(&out));
    }
    assert!(!token.store().exists());
}

#[test]
fn a_wrong_or_missing_pin_ends_with_its_own_code_and_stores_nothing() {
    let token = Token::new();
    let file = sample("ec-p256.blob");

    let wrong = token.command().arg("import").arg(&file).env("TEST_PIN", "00000000").output().unwrap();
    assert_eq!(exit(&wrong), 3, "{}", said(&wrong));
    let missing = token.command().arg("import").arg(&file).env_remove("CNGTOKEN_PIN_SOURCE").output().unwrap();
    assert_eq!(exit(&missing), 3, "{}", said(&missing));
    assert!(said(&missing).contains("--pin-source"));
    assert!(token.objects().is_empty());
}

#[test]
fn a_pin_is_never_taken_from_the_command_line() {
    let out = Token::new().run(&["import", "x", "--pin-source", "12345678"]);

    assert_eq!(exit(&out), 2);
    assert!(said(&out).contains("file:PATH"), "{}", said(&out));
}

#[test]
fn pins_come_from_files_and_descriptors_too() {
    let token = Token::new();
    let pin = token.file("pin", b"12345678\n");
    let file = sample("ec-p256.blob");

    let from_file = token.run(&["import", file.to_str().unwrap(), "--pin-source", &format!("file:{}", pin.display())]);
    assert_eq!(exit(&from_file), 0, "{}", said(&from_file));
    let from_input = token.pipe(&["import", file.to_str().unwrap(), "--pin-source", "fd:0"], b"12345678");
    assert_eq!(exit(&from_input), 0, "{}", said(&from_input));
}

#[test]
fn a_key_from_standard_input_gets_the_label_and_id_that_are_asked_for() {
    let token = Token::new();
    let blob = std::fs::read(sample("ec-p256.blob")).unwrap();

    let out = token.pipe(&["import", "-", "--label", "pasted", "--id", "01:02"], &blob);
    assert_eq!(exit(&out), 0, "{}", said(&out));

    let objects = token.objects();
    assert_eq!(objects.len(), 2);
    assert!(objects.iter().all(|o| o["label"] == "pasted" && o["id"] == "0102"));
    assert!(String::from_utf8_lossy(&token.run(&["ls", "--uri"]).stdout).contains("id=%01%02;object=pasted;type=private"));
}

#[test]
fn an_imported_blob_leaves_byte_for_byte_only_if_that_was_allowed() {
    let token = Token::new();
    for (name, kind) in [("ec-p256.blob", "ECCPRIVATEBLOB"), ("rsa-2048.blob", "RSAFULLPRIVATEBLOB")] {
        let file = sample(name);
        let kept = token.run(&["import", file.to_str().unwrap(), "--label", "kept"]);
        assert_eq!(exit(&kept), 0, "{}", said(&kept));
        let refused = token.run(&["export", "--label", "kept", "--type", kind, "-o", "out.blob"]);
        assert_eq!(exit(&refused), 1, "{}", said(&refused));
        assert!(!token.dir.path().join("out.blob").exists());

        token.run(&["import", file.to_str().unwrap(), "--label", "free", "--extractable"]);
        let out = token.run(&["export", "--label", "free", "--type", kind, "-o", "-"]);
        assert!(out.stdout == std::fs::read(&file).unwrap(), "{}", said(&out));
        token.run(&["rm", "--label", "kept", "--yes"]);
        token.run(&["rm", "--label", "free", "--yes"]);
    }
    assert!(token.objects().is_empty());
}

#[test]
fn every_form_that_export_writes_is_imported_again_as_the_same_key() {
    let token = Token::new();
    token.run(&["import", sample("rsa-2048.blob").to_str().unwrap(), "--label", "k", "--extractable"]);
    let id = token.objects()[0]["id"].clone();

    for (i, more) in
        [&["PKCS8", "--pem"][..], &["PKCS8"], &["JWK"], &["XML"], &["PVK"], &["SPKI", "--pem"], &["JWK", "--public"], &["CAPIPUBLICBLOB", "--hex"]]
            .iter()
            .enumerate()
    {
        let file = format!("form{i}");
        let out = token.run(&[&["export", "--label", "k", "-o", &file, "--type"], *more].concat());
        assert_eq!(exit(&out), 0, "{more:?}: {}", said(&out));
        // By the content, and under the name that it was exported with; XML has one name for each family.
        let by_name = if more[0] == "XML" { "RSAKeyValue" } else { more[0] };
        for named in [&[][..], &["--type", by_name]] {
            let other = Token::new();
            let back = other.run(&[&["import", token.dir.path().join(&file).to_str().unwrap()], named].concat());
            assert_eq!(exit(&back), 0, "{more:?} {named:?}: {}", said(&back));
            assert!(other.objects().iter().all(|o| o["id"] == id), "{more:?} {named:?}");
        }
    }
    let twice = token.run(&["export", "--label", "k", "--type", "SPKI", "-o", "form0"]);
    assert_eq!(exit(&twice), 4);
    assert!(said(&twice).contains("--force"));
}

#[test]
fn an_exported_private_key_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let token = Token::new();
    token.run(&["import", sample("ec-p256.blob").to_str().unwrap(), "--label", "k", "--extractable"]);

    token.run(&["export", "--label", "k", "--type", "PKCS8", "-o", "key"]);

    let mode = std::fs::metadata(token.dir.path().join("key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_dry_run_needs_no_token_and_leaves_nothing() {
    let token = Token::none();

    let good = token.command().arg("import").arg(sample("ec-p256.blob")).arg("--dry-run").env_remove("CNGTOKEN_PIN_SOURCE").output().unwrap();
    assert_eq!(exit(&good), 0, "{}", said(&good));
    assert!(said(&good).contains("dry run"));
    let bad = token.file("bad", b"ECS2\x20\0\0\0short");
    assert_eq!(exit(&token.run(&["import", bad.to_str().unwrap(), "--dry-run"])), 1);
    assert!(!token.store().exists());
}

#[test]
fn public_only_stores_the_public_half_alone() {
    let token = Token::new();

    let out = token.run(&["import", sample("rsa-2048.blob").to_str().unwrap(), "--public-only"]);
    assert_eq!(exit(&out), 0, "{}", said(&out));

    let objects = token.objects();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0]["type"], "public");
}

#[test]
fn a_folder_of_many_files_is_imported_in_batches_and_refusals_are_told_one_by_one() {
    let token = Token::new();
    let folder = token.dir.path().join("keys/deeper");
    std::fs::create_dir_all(&folder).unwrap();
    let blob = std::fs::read(sample("ec-p256.blob")).unwrap();
    for i in 0..60 {
        std::fs::write(folder.join(format!("key{i:02}.blob")), &blob).unwrap();
    }
    std::fs::write(folder.join("readme.txt"), "no key here").unwrap();
    std::fs::write(folder.join("cut.blob"), &blob[..50]).unwrap();

    let out = token.run(&["import", "keys"]);

    assert_eq!(exit(&out), 1);
    let text = said(&out);
    assert!(text.contains("60 imported, 2 refused"), "{text}");
    assert!(text.contains("cut.blob: refused") && text.contains("readme.txt: refused"), "{text}");
    assert_eq!(token.objects().len(), 120);
}

#[test]
fn several_keys_in_one_text_are_listed_and_one_is_picked() {
    let token = Token::new();
    let one = std::fs::read(sample("ec-p256.blob")).unwrap();
    let two = std::fs::read(sample("rsa-2048.blob")).unwrap();
    let text = format!("{{\"a\": \"{}\", \"b\": \"{}\"}}\n", base64(&one), base64(&two));
    let file = token.file("two.json", text.as_bytes());
    let file = file.to_str().unwrap();

    let listed = token.run(&["import", file]);
    assert_eq!(exit(&listed), 1);
    assert!(said(&listed).contains("2 keys") && said(&listed).contains("RSAFULLPRIVATEBLOB"), "{}", said(&listed));
    assert!(token.objects().is_empty());
    let picked = token.run(&["import", file, "--pick", "2"]);
    assert_eq!(exit(&picked), 0, "{}", said(&picked));
    assert!(token.objects().iter().all(|o| o["key"] == "RSA 2048"));
}

#[test]
fn a_cut_private_exponent_is_computed_again_only_when_asked() {
    let token = Token::new();
    token.run(&["import", sample("rsa-2048.blob").to_str().unwrap(), "--label", "k", "--extractable"]);
    token.run(&["export", "--label", "k", "--type", "CAPIPRIVATEBLOB", "-o", "whole"]);
    let id = token.objects()[0]["id"].clone();
    let whole = std::fs::read(token.dir.path().join("whole")).unwrap();
    let cut = token.file("cut.snk", &whole[..whole.len() - 100]);
    let other = Token::new();

    let refused = other.run(&["import", cut.to_str().unwrap()]);
    assert_eq!(exit(&refused), 1);
    assert!(said(&refused).contains("--recompute"), "{}", said(&refused));
    let asked = other.run(&["import", cut.to_str().unwrap(), "--recompute"]);
    assert_eq!(exit(&asked), 0, "{}", said(&asked));
    assert!(other.objects().iter().all(|o| o["id"] == id));
}

#[test]
fn a_blob_that_does_not_name_its_curve_asks_for_it() {
    let token = Token::new();
    let mut blob = std::fs::read(sample("ec-p256.blob")).unwrap();
    blob[..4].copy_from_slice(b"ECDV");
    let file = token.file("generic.blob", &blob);

    let asked = token.run(&["import", file.to_str().unwrap()]);
    assert_eq!(exit(&asked), 1);
    assert!(said(&asked).contains("--curve"), "{}", said(&asked));
    let told = token.run(&["import", file.to_str().unwrap(), "--curve", "nistP256"]);
    assert_eq!(exit(&told), 0, "{}", said(&told));
    let unknown = token.run(&["import", file.to_str().unwrap(), "--curve", "nistP999"]);
    assert_eq!(exit(&unknown), 2);
}

#[test]
fn inspect_masks_secrets_and_marks_the_wrong_byte() {
    let token = Token::none();
    let blob = std::fs::read(sample("ec-p256.blob")).unwrap();
    let secret = hex::encode(&blob[72..]);

    for form in [&[][..], &["--json"], &["--html"]] {
        let out = token.run(&[&["inspect", sample("ec-p256.blob").to_str().unwrap()], form].concat());
        assert_eq!(exit(&out), 0, "{}", said(&out));
        assert!(!said(&out).replace(' ', "").contains(&secret), "{form:?}");
    }
    let shown = token.run(&["inspect", sample("ec-p256.blob").to_str().unwrap(), "--show-secrets", "--json"]);
    assert!(said(&shown).contains(&secret));
    let mut bad = blob.clone();
    bad[4] = 0x21;
    let bad = token.file("bad.blob", &bad);
    let out = token.run(&["inspect", bad.to_str().unwrap(), "--json"]);
    assert_eq!(exit(&out), 1);
    let page: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(page["wrong_at"], 4);
    assert!(page["fields"].as_array().unwrap().iter().any(|f| f["name"] == "cbKey" && f["wrong"] == true));
    assert!(!token.store().exists());
}

#[test]
fn html_is_one_page_that_loads_nothing() {
    let out = Token::none().run(&["inspect", sample("rsa-2048.blob").to_str().unwrap(), "--html"]);
    let page = said(&out);

    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(!page.contains("http") && !page.contains("<script") && !page.contains("src="));
}

#[test]
fn pins_are_changed_by_their_owner_and_reset_by_the_so() {
    let token = Token::new();
    let set = |args: &[&str], new: &str| token.command().args(args).args(["--new-pin-source", "env:NEW"]).env("NEW", new).output().unwrap();
    let login = |pin: &str| token.command().args(["ls", "--login"]).env("TEST_PIN", pin).output().unwrap();

    assert_eq!(exit(&set(&["pin", "change"], "abcdefgh")), 0);
    assert_eq!(exit(&login("12345678")), 3);
    assert_eq!(exit(&login("abcdefgh")), 0);
    assert_eq!(exit(&set(&["pin", "reset"], "hgfedcba")), 0);
    assert_eq!(exit(&login("hgfedcba")), 0);
    let short = set(&["pin", "reset"], "1");
    assert_eq!(exit(&short), 3, "{}", said(&short));
}

#[test]
fn rm_asks_first_and_removes_only_what_is_chosen() {
    let token = Token::new();
    token.run(&["import", sample("ec-p256.blob").to_str().unwrap(), "--label", "a"]);
    token.run(&["import", sample("rsa-2048.blob").to_str().unwrap(), "--label", "b"]);

    let asked = token.run(&["rm", "--label", "a"]);
    assert_eq!(exit(&asked), 2);
    assert!(said(&asked).contains("--yes"));
    assert_eq!(token.objects().len(), 4);
    assert_eq!(exit(&token.run(&["rm", "--label", "a", "--yes"])), 0);
    assert_eq!(token.objects().len(), 2);
    assert_eq!(exit(&token.run(&["rm", "--label", "a", "--yes"])), 1);
    assert_eq!(exit(&token.run(&["rm", "--yes"])), 2, "nothing chosen is no choice of everything");
}

#[test]
fn a_certificate_finds_the_key_that_is_there_already() {
    let Some(dir) = common::shared("field") else { return };
    let token = Token::new();
    let out = token.command().arg("import").arg(dir.join("server.cer")).output().unwrap();
    assert_eq!(exit(&out), 0, "{}", said(&out));
    assert_eq!(token.objects()[0]["type"], "cert");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let token = Token::new();
    let mut child = token.command().arg("blob-types").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert!(out.stderr.is_empty(), "{}", said(&out));
}

#[test]
fn help_tells_the_exit_codes_and_has_examples() {
    let token = Token::none();

    assert!(said(&token.run(&["--help"])).contains("Exit codes:"));
    for command in ["quickstart", "init", "import", "ls", "export", "inspect", "rm"] {
        assert!(said(&token.run(&[command, "--help"])).contains("Examples:"), "{command}");
    }
}

fn base64(bytes: &[u8]) -> String {
    cngtoken_cli::shapes::base64_encode(bytes).as_str().to_owned()
}
