//! The project's vectors beside the repository (`../shared/vectors`), read as JSON; tests that need them skip where they are not.

use serde_json::Value;
use std::path::PathBuf;

/// A file of the shared vectors; None, with a line printed, where the folder is not beside the repository.
pub fn vectors(name: &str) -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("note: {name} is not beside the repository: skipped");
        return None;
    };
    Some(serde_json::from_str(&text).expect("the file is JSON"))
}

/// A text field.
pub fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str()
}

/// A field of hexadecimal digits, an odd number of them included.
pub fn bytes(value: &Value, field: &str) -> Option<Vec<u8>> {
    let digits = text(value, field)?;
    let even = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    Some(hex::decode(even).expect("hexadecimal digits"))
}

/// The blob of a vector.
pub fn blob(vector: &Value) -> Vec<u8> {
    bytes(vector, "blob_hex").or_else(|| bytes(vector, "hex")).expect("a blob")
}

/// A number without leading zeros.
pub fn stripped(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|b| **b == 0).count();
    &number[zeros..]
}
