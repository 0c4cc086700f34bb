//! The template of an import, divided between the two halves of a pair ("Rules of import" in `vendor-ext/README.md`): each attribute
//! goes to the half whose class has it; CKA_PRIVATE and CKA_ALWAYS_AUTHENTICATE and, of the key's secrecy, CKA_SENSITIVE and
//! CKA_EXTRACTABLE go to the private half only.

use super::classes;
use super::error::{ObjectError, Reason};
use super::template::Template;
use cryptoki_sys::*;

/// The templates of the halves that an import makes.
#[derive(Debug, Default)]
pub struct Halves {
    /// For the public object.
    pub public: Template,
    /// For the private, or the secret, object.
    pub private: Template,
}

/// Divides `t` for a key of that type; `public` and `private` say which halves are made. A symmetric key is `private` alone.
///
/// # Errors
/// `AttributeTypeInvalid` for an attribute that no half made has, `TemplateInconsistent` for a CKA_CLASS that none is.
pub fn halves(t: &Template, key_type: u64, public: bool, private: bool) -> Result<Halves, ObjectError> {
    let private_class = if classes::secret_lengths(key_type).is_some() { CKO_SECRET_KEY } else { CKO_PRIVATE_KEY };
    let public_row = classes::row(CKO_PUBLIC_KEY, Some(key_type)).filter(|_| public);
    let private_row = classes::row(private_class, Some(key_type)).filter(|_| private);
    let mut out = Halves::default();
    for (id, value) in t.iter() {
        if id == CKA_CLASS {
            let class = t.ulong(CKA_CLASS);
            if [public_row, private_row].iter().flatten().any(|r| Some(r.class) == class) {
                continue;
            }
            return Err(ObjectError::at(Reason::TemplateInconsistent, id, "not the class of a key that this import makes"));
        }
        let to_private = private_row.is_some_and(|r| r.has(id).is_some());
        let private_only = private && matches!(id, CKA_PRIVATE | CKA_SENSITIVE | CKA_EXTRACTABLE | CKA_ALWAYS_AUTHENTICATE);
        let to_public = !private_only && public_row.is_some_and(|r| r.has(id).is_some());
        if to_private {
            out.private.insert(id, value.clone());
        }
        if to_public {
            out.public.insert(id, value.clone());
        }
        if !to_private && !to_public {
            return Err(ObjectError::at(Reason::AttributeTypeInvalid, id, "no key that this import makes has it"));
        }
    }
    Ok(out)
}
