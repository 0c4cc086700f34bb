//! A client's side of PKCS#11, thin enough to measure through: one call, one check of its code, no allocation.
//!
//! The only place in this package with `unsafe`. The promise of each block is the same: every pointer comes from a Rust
//! reference or slice that lives through the call, its length goes with it, and the module keeps to the C interface. The
//! library is never unloaded, so its function list lives for ever.

use std::ffi::c_void;
use std::path::Path;
use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::Failure;

/// A loaded and initialised module, for the rest of the process.
pub(crate) struct Client {
    list: &'static CK_FUNCTION_LIST,
}

/// An attribute of a template: its number and its bytes.
pub(crate) type Attribute<'a> = (CK_ATTRIBUTE_TYPE, &'a [u8]);

/// The most attributes in one template here.
const MOST_ATTRIBUTES: usize = 24;

/// An open session.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    client: &'static Client,
    handle: CK_SESSION_HANDLE,
}

/// Calls a function of the list and turns its code into a result that names the function.
macro_rules! call {
    ($client:expr, $name:ident ( $($argument:expr),* $(,)? )) => {{
        let function = $client.list.$name.ok_or(concat!(stringify!($name), " is not in the function list"))?;
        // SAFETY: the module's header: pointers are from live references and slices, lengths are theirs.
        let code = unsafe { function($($argument),*) };
        if code == CKR_OK { Ok(()) } else { Err(Failure::from(format!(concat!(stringify!($name), " answered {:#x}"), code))) }
    }};
}

/// A mechanism without a parameter.
pub(crate) fn plain(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: null_mut(), ulParameterLen: 0 }
}

/// A mechanism with `parameter`, which must outlive its use.
fn with<T>(mechanism: CK_MECHANISM_TYPE, parameter: &mut T) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: std::ptr::from_mut(parameter).cast::<c_void>(), ulParameterLen: size_of::<T>() as CK_ULONG }
}

fn bytes(slice: &[u8]) -> *mut CK_BYTE {
    slice.as_ptr().cast_mut()
}

/// The template as the C interface wants it, on the stack.
fn template(attributes: &[Attribute<'_>]) -> Result<([CK_ATTRIBUTE; MOST_ATTRIBUTES], CK_ULONG), Failure> {
    let mut rows = [CK_ATTRIBUTE { type_: 0, pValue: null_mut(), ulValueLen: 0 }; MOST_ATTRIBUTES];
    if attributes.len() > rows.len() {
        return Err("a template with too many attributes".into());
    }
    for (row, (id, value)) in rows.iter_mut().zip(attributes) {
        *row = CK_ATTRIBUTE { type_: *id, pValue: bytes(value).cast::<c_void>(), ulValueLen: value.len() as CK_ULONG };
    }
    Ok((rows, attributes.len() as CK_ULONG))
}

impl Client {
    /// Loads the module and initialises it; it stays loaded.
    pub(crate) fn load(path: &Path) -> Result<&'static Client, Failure> {
        // SAFETY: loading runs the library's initialisers; that it is a PKCS#11 module is the caller's choice of path.
        let library = Box::leak(Box::new(unsafe { libloading::Library::new(path) }.map_err(|error| format!("{}: {error}", path.display()))?));
        // SAFETY: the symbol of that name has this type in every PKCS#11 module.
        let get: libloading::Symbol<'static, unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV> =
            unsafe { library.get(b"C_GetFunctionList\0") }?;
        let mut list = null_mut();
        // SAFETY: `list` is a live place for the one pointer that the function writes.
        let code = unsafe { get(&raw mut list) };
        // SAFETY: the list belongs to the library, which is never unloaded; a NULL is refused here.
        let list = unsafe { list.as_ref() }.filter(|_| code == CKR_OK).ok_or_else(|| format!("C_GetFunctionList answered {code:#x}"))?;
        let client: &'static Client = Box::leak(Box::new(Client { list }));
        let mut arguments = CK_C_INITIALIZE_ARGS {
            CreateMutex: None,
            DestroyMutex: None,
            LockMutex: None,
            UnlockMutex: None,
            flags: CKF_OS_LOCKING_OK,
            pReserved: null_mut(),
        };
        call!(client, C_Initialize(std::ptr::from_mut(&mut arguments).cast::<c_void>()))?;
        Ok(client)
    }

    /// The first slot whose token is initialised, or is not.
    pub(crate) fn slot(&self, initialised: bool) -> Result<CK_SLOT_ID, Failure> {
        let mut slots = [0; 16];
        let mut count = slots.len() as CK_ULONG;
        call!(self, C_GetSlotList(CK_TRUE, slots.as_mut_ptr(), &raw mut count))?;
        for slot in slots.iter().take(usize::try_from(count)?) {
            let mut info = CK_TOKEN_INFO::default();
            call!(self, C_GetTokenInfo(*slot, &raw mut info))?;
            if (info.flags & CKF_TOKEN_INITIALIZED != 0) == initialised {
                return Ok(*slot);
            }
        }
        Err(format!("no slot with a token that is {}initialised", if initialised { "" } else { "un" }).into())
    }

    /// Whether the token lists the mechanism.
    pub(crate) fn has(&self, slot: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE) -> bool {
        let mut info = CK_MECHANISM_INFO::default();
        let asked: Result<(), Failure> = (|| call!(self, C_GetMechanismInfo(slot, mechanism, &raw mut info)))();
        asked.is_ok()
    }

    /// Makes the token and sets the user's PIN.
    pub(crate) fn make_token(&'static self, slot: CK_SLOT_ID, so_pin: &[u8], pin: &[u8]) -> Result<(), Failure> {
        let mut label = [b' '; 32];
        label[..5].copy_from_slice(b"bench");
        call!(self, C_InitToken(slot, bytes(so_pin), so_pin.len() as CK_ULONG, label.as_mut_ptr()))?;
        let session = self.open(self.slot(true)?)?;
        call!(self, C_Login(session.handle, CKU_SO, bytes(so_pin), so_pin.len() as CK_ULONG))?;
        call!(self, C_InitPIN(session.handle, bytes(pin), pin.len() as CK_ULONG))?;
        call!(self, C_Logout(session.handle))?;
        session.close()
    }

    /// A read-write session.
    pub(crate) fn open(&'static self, slot: CK_SLOT_ID) -> Result<Session, Failure> {
        let mut handle = 0;
        call!(self, C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, null_mut(), None, &raw mut handle))?;
        Ok(Session { client: self, handle })
    }
}

impl Session {
    pub(crate) fn close(self) -> Result<(), Failure> {
        call!(self.client, C_CloseSession(self.handle))
    }

    pub(crate) fn login(self, pin: &[u8]) -> Result<(), Failure> {
        call!(self.client, C_Login(self.handle, CKU_USER, bytes(pin), pin.len() as CK_ULONG))
    }

    pub(crate) fn info(self) -> Result<(), Failure> {
        let mut info = CK_SESSION_INFO { slotID: 0, state: 0, flags: 0, ulDeviceError: 0 };
        call!(self.client, C_GetSessionInfo(self.handle, &raw mut info))
    }

    pub(crate) fn random(self, out: &mut [u8]) -> Result<(), Failure> {
        call!(self.client, C_GenerateRandom(self.handle, out.as_mut_ptr(), out.len() as CK_ULONG))
    }

    pub(crate) fn create(self, attributes: &[Attribute<'_>]) -> Result<CK_OBJECT_HANDLE, Failure> {
        let (mut rows, count) = template(attributes)?;
        let mut object = 0;
        call!(self.client, C_CreateObject(self.handle, rows.as_mut_ptr(), count, &raw mut object))?;
        Ok(object)
    }

    pub(crate) fn destroy(self, object: CK_OBJECT_HANDLE) -> Result<(), Failure> {
        call!(self.client, C_DestroyObject(self.handle, object))
    }

    /// How many objects match, and the first of them.
    pub(crate) fn find(self, attributes: &[Attribute<'_>]) -> Result<(CK_ULONG, CK_OBJECT_HANDLE), Failure> {
        let (mut rows, count) = template(attributes)?;
        let mut found = [0; 8];
        let mut number = 0;
        call!(self.client, C_FindObjectsInit(self.handle, rows.as_mut_ptr(), count))?;
        call!(self.client, C_FindObjects(self.handle, found.as_mut_ptr(), found.len() as CK_ULONG, &raw mut number))?;
        call!(self.client, C_FindObjectsFinal(self.handle))?;
        Ok((number, found[0]))
    }

    /// C_SignInit and C_Sign; the length of the signature.
    pub(crate) fn sign(self, mechanism: &mut CK_MECHANISM, key: CK_OBJECT_HANDLE, data: &[u8], out: &mut [u8]) -> Result<usize, Failure> {
        let mut length = out.len() as CK_ULONG;
        call!(self.client, C_SignInit(self.handle, std::ptr::from_mut(mechanism), key))?;
        call!(self.client, C_Sign(self.handle, bytes(data), data.len() as CK_ULONG, out.as_mut_ptr(), &raw mut length))?;
        Ok(usize::try_from(length)?)
    }

    pub(crate) fn verify(self, mechanism: &mut CK_MECHANISM, key: CK_OBJECT_HANDLE, data: &[u8], signature: &[u8]) -> Result<(), Failure> {
        call!(self.client, C_VerifyInit(self.handle, std::ptr::from_mut(mechanism), key))?;
        call!(self.client, C_Verify(self.handle, bytes(data), data.len() as CK_ULONG, bytes(signature), signature.len() as CK_ULONG))
    }

    /// RSA-OAEP with one digest for everything and no label.
    pub(crate) fn decrypt_oaep(self, digest: Oaep, key: CK_OBJECT_HANDLE, data: &[u8], out: &mut [u8]) -> Result<usize, Failure> {
        let (hash, mgf) = match digest {
            Oaep::Sha1 => (CKM_SHA_1, CKG_MGF1_SHA1),
            Oaep::Sha256 => (CKM_SHA256, CKG_MGF1_SHA256),
        };
        let mut parameter = CK_RSA_PKCS_OAEP_PARAMS { hashAlg: hash, mgf, source: CKZ_DATA_SPECIFIED, pSourceData: null_mut(), ulSourceDataLen: 0 };
        let mut mechanism = with(CKM_RSA_PKCS_OAEP, &mut parameter);
        let mut length = out.len() as CK_ULONG;
        call!(self.client, C_DecryptInit(self.handle, &raw mut mechanism, key))?;
        call!(self.client, C_Decrypt(self.handle, bytes(data), data.len() as CK_ULONG, out.as_mut_ptr(), &raw mut length))?;
        Ok(usize::try_from(length)?)
    }

    /// AES-GCM with a tag of 16 bytes behind the ciphertext.
    pub(crate) fn encrypt_gcm(self, iv: &[u8; 12], key: CK_OBJECT_HANDLE, data: &[u8], out: &mut [u8]) -> Result<usize, Failure> {
        let mut parameter = CK_GCM_PARAMS { pIv: bytes(iv), ulIvLen: 12, ulIvBits: 96, pAAD: null_mut(), ulAADLen: 0, ulTagBits: 128 };
        let mut mechanism = with(CKM_AES_GCM, &mut parameter);
        let mut length = out.len() as CK_ULONG;
        call!(self.client, C_EncryptInit(self.handle, &raw mut mechanism, key))?;
        call!(self.client, C_Encrypt(self.handle, bytes(data), data.len() as CK_ULONG, out.as_mut_ptr(), &raw mut length))?;
        Ok(usize::try_from(length)?)
    }

    pub(crate) fn digest(self, mechanism: &mut CK_MECHANISM, data: &[u8], out: &mut [u8]) -> Result<(), Failure> {
        let mut length = out.len() as CK_ULONG;
        call!(self.client, C_DigestInit(self.handle, std::ptr::from_mut(mechanism)))?;
        call!(self.client, C_Digest(self.handle, bytes(data), data.len() as CK_ULONG, out.as_mut_ptr(), &raw mut length))
    }

    /// ECDH with the raw point of the peer and no KDF; the session object that comes of it.
    pub(crate) fn derive(self, key: CK_OBJECT_HANDLE, peer: &[u8], attributes: &[Attribute<'_>]) -> Result<CK_OBJECT_HANDLE, Failure> {
        let mut parameter = CK_ECDH1_DERIVE_PARAMS {
            kdf: CKD_NULL,
            ulSharedDataLen: 0,
            pSharedData: null_mut(),
            ulPublicDataLen: peer.len() as CK_ULONG,
            pPublicData: bytes(peer),
        };
        let mut mechanism = with(CKM_ECDH1_DERIVE, &mut parameter);
        let (mut rows, count) = template(attributes)?;
        let mut object = 0;
        call!(self.client, C_DeriveKey(self.handle, &raw mut mechanism, key, rows.as_mut_ptr(), count, &raw mut object))?;
        Ok(object)
    }
}

/// The digests of the OAEP rows.
#[derive(Clone, Copy)]
pub(crate) enum Oaep {
    Sha1,
    Sha256,
}
