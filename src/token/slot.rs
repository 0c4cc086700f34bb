//! A slot with its token: the store, who is logged in, how many sessions are open, and whether what was cached is still current.
//!
//! The login belongs to the application and the token, not to a session. Opening a session, logging in and the logout at the last close
//! exclude each other through one lock. Source: PKCS#11 3.2, "User types", "Session states", "C_Login".

use crate::token::config::{Access, TokenConfig};
use crate::token::error::{R, Reason, TokenError};
use cngtoken_storage::{self as storage, Header, Kdf, Keys, StoreError, Vault};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Instant;

/// Who is logged in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Nobody = 0,
    User = 1,
    So = 2,
}

/// The login and what it opened.
pub(crate) struct Login {
    pub(crate) role: Role,
    pub(crate) keys: Option<Arc<Keys>>,
}

/// Open sessions of one shard of threads, alone on its cache line: opening and closing must not make two threads wait for each other.
#[derive(Default)]
#[repr(align(128))]
struct Counts {
    sessions: AtomicU64,
    read_only: AtomicU64,
}

/// One slot.
pub(crate) struct Slot {
    pub(crate) id: u64,
    pub(crate) config: TokenConfig,
    login: RwLock<Login>,
    /// The role of `login` again, to be read without its lock.
    role: AtomicU8,
    /// An SO login is being tried: no read-only session may come into being meanwhile.
    so_knocks: AtomicBool,
    counts: [Counts; SHARDS],
    vault: RwLock<Option<Arc<Vault>>>,
    /// Rises at each logout, login and C_Finalize: what began under another value is void.
    epoch: AtomicU64,
    shut: AtomicBool,
    /// The store has been opened.
    present: AtomicBool,
    /// Whether this user may write the store, as it was when it was opened.
    writable: AtomicBool,
    /// Rises when the store was changed by anybody: cached objects of an older generation are looked at again before use.
    generation: AtomicU64,
    counter: Mutex<u64>,
    looked: AtomicU64,
    born: Instant,
}

/// Shards of the session counts; as many as the session table has.
pub(crate) const SHARDS: usize = 16;

/// How long a look at the store's change counter is good for.
const LOOK_MS: u64 = 200;

impl Slot {
    pub(crate) fn new(config: TokenConfig) -> Self {
        Self {
            id: config.slot,
            config,
            login: RwLock::new(Login { role: Role::Nobody, keys: None }),
            role: AtomicU8::new(Role::Nobody as u8),
            so_knocks: AtomicBool::new(false),
            counts: std::array::from_fn(|_| Counts::default()),
            vault: RwLock::new(None),
            epoch: AtomicU64::new(1),
            shut: AtomicBool::new(false),
            present: AtomicBool::new(false),
            writable: AtomicBool::new(true),
            generation: AtomicU64::new(1),
            counter: Mutex::new(0),
            looked: AtomicU64::new(0),
            born: Instant::now(),
        }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Acquire)
    }

    /// The store, if there is one. Creates nothing.
    pub(crate) fn vault_if_any(&self) -> R<Option<Arc<Vault>>> {
        if let Some(vault) = self.vault.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            return Ok(Some(vault.clone()));
        }
        let Some(path) = self.config.store.as_deref() else { return Ok(None) };
        let mut place = self.vault.write().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            let vault = Vault::open(path).map_err(|e| at(path, e))?;
            if let Some(vault) = &vault {
                self.writable.store(vault.header()?.writable, Ordering::Relaxed);
            }
            self.present.store(vault.is_some(), Ordering::Release);
            *place = vault.map(Arc::new);
        }
        Ok(place.clone())
    }

    /// CKR_TOKEN_NOT_RECOGNIZED if there is no initialised token. Looks at the file only until it has been found once.
    pub(crate) fn must_be_present(&self) -> R<()> {
        if self.present.load(Ordering::Acquire) { Ok(()) } else { self.vault().map(drop) }
    }

    /// The store of an initialised token.
    pub(crate) fn vault(&self) -> R<Arc<Vault>> {
        self.vault_if_any()?.ok_or_else(|| Reason::TokenNotRecognized.because("the token is not initialised"))
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable.load(Ordering::Relaxed)
    }

    pub(crate) fn header(&self) -> R<Option<Header>> {
        match self.vault_if_any()? {
            Some(vault) => Ok(Some(vault.header()?)),
            None => Ok(None),
        }
    }

    /// C_InitToken's work on the store. The caller has made sure that no session is open.
    pub(crate) fn initialise(&self, so_pin: &[u8], label: &[u8; 32]) -> R<()> {
        if let Some(vault) = self.vault_if_any()? {
            return Ok(vault.reset(label, so_pin)?);
        }
        let Some(path) = self.config.store.as_deref() else {
            return Err(Reason::TokenWriteProtected.because("no place for a store: HOME is not set and there is no configuration"));
        };
        let access = match &self.config.access {
            Access::Private => storage::Access::Private,
            Access::Group(name) => storage::Access::Group(name.clone()),
        };
        let kdf = if self.config.test_kdf { Kdf::Test } else { Kdf::Calibrated };
        let vault = Vault::create(path, &access, kdf, label, so_pin)?;
        *self.vault.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(vault));
        self.present.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn role(&self) -> Role {
        match self.role.load(Ordering::Acquire) {
            1 => Role::User,
            2 => Role::So,
            _ => Role::Nobody,
        }
    }

    /// Role, the keys it opened, and the epoch, read together.
    pub(crate) fn access(&self) -> (Role, Option<Arc<Keys>>, u64) {
        let login = self.login.read().unwrap_or_else(PoisonError::into_inner);
        (login.role, login.keys.clone(), self.epoch())
    }

    /// The keys for writing token objects.
    pub(crate) fn keys(&self) -> R<Arc<Keys>> {
        self.access().1.ok_or_else(|| Reason::UserNotLoggedIn.because("writing a token object needs a login"))
    }

    pub(crate) fn login_lock(&self) -> RwLockWriteGuard<'_, Login> {
        self.login.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self, shard: usize) -> &Counts {
        let [first, ..] = &self.counts;
        self.counts.get(shard % SHARDS).unwrap_or(first)
    }

    fn sum(&self, which: impl Fn(&Counts) -> &AtomicU64) -> u64 {
        self.counts.iter().map(|c| which(c).load(Ordering::SeqCst)).sum()
    }

    /// Counts a session in; refuses a read-only one while the SO is logged in. No lock: either this sees the SO, or the SO's login sees the count.
    pub(crate) fn session_opened(&self, shard: usize, read_write: bool) -> R<()> {
        let counts = self.counts(shard);
        if !read_write {
            counts.read_only.fetch_add(1, Ordering::SeqCst);
            if self.role() == Role::So || self.so_knocks.load(Ordering::SeqCst) {
                counts.read_only.fetch_sub(1, Ordering::SeqCst);
                return Err(Reason::SessionReadWriteSoExists.into());
            }
        }
        counts.sessions.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Counts a session out; `true` if it was the last and somebody was logged in, who is logged out by this.
    pub(crate) fn session_closed(&self, shard: usize, read_write: bool) -> bool {
        let counts = self.counts(shard);
        if !read_write {
            counts.read_only.fetch_sub(1, Ordering::SeqCst);
        }
        counts.sessions.fetch_sub(1, Ordering::SeqCst);
        // Of several that close at once, the one that counts out last sees none left.
        if self.role() == Role::Nobody || self.sum(|c| &c.sessions) > 0 {
            return false;
        }
        let mut login = self.login_lock();
        let last = login.role != Role::Nobody && self.sum(|c| &c.sessions) == 0;
        if last {
            self.end_login(&mut login);
        }
        last
    }

    /// (all, read-write).
    pub(crate) fn session_counts(&self) -> (u64, u64) {
        let all = self.sum(|c| &c.sessions);
        (all, all.saturating_sub(self.sum(|c| &c.read_only)))
    }

    /// The legal moves of the login table, checked before the PIN is tried.
    fn may_log_in(&self, login: &Login, role: Role) -> R<()> {
        match (login.role, role) {
            (Role::Nobody, Role::So) if self.sum(|c| &c.read_only) > 0 => Err(Reason::SessionReadOnlyExists.into()),
            (Role::Nobody, _) => Ok(()),
            (now, wanted) if now == wanted => Err(Reason::UserAlreadyLoggedIn.into()),
            _ => Err(Reason::UserAnotherAlreadyLoggedIn.into()),
        }
    }

    pub(crate) fn check_may_log_in(&self, role: Role) -> R<()> {
        self.may_log_in(&self.login.read().unwrap_or_else(PoisonError::into_inner), role)
    }

    /// Enters the login; the table is checked again, since the PIN was derived without a lock.
    pub(crate) fn enter_login(&self, role: Role, keys: Arc<Keys>) -> R<()> {
        let mut login = self.login_lock();
        self.so_knocks.store(role == Role::So, Ordering::SeqCst);
        let allowed = self.may_log_in(&login, role);
        if allowed.is_ok() {
            login.role = role;
            login.keys = Some(keys);
            self.role.store(role as u8, Ordering::SeqCst);
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
        self.so_knocks.store(false, Ordering::SeqCst);
        allowed?;
        if self.sum(|c| &c.sessions) == 0 {
            self.end_login(&mut login);
            return Err(Reason::SessionHandleInvalid.into());
        }
        Ok(())
    }

    /// Ends the login under the lock: from here on everything that began under it is void.
    pub(crate) fn end_login(&self, login: &mut Login) {
        login.role = Role::Nobody;
        login.keys = None;
        self.role.store(Role::Nobody as u8, Ordering::SeqCst);
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// C_Finalize.
    pub(crate) fn shut(&self) {
        self.shut.store(true, Ordering::Release);
        let mut login = self.login_lock();
        self.end_login(&mut login);
        drop(login);
        self.present.store(false, Ordering::Release);
        *self.vault.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The generation for which cached objects must be current. Looks at the store at most every 200 ms, and at once if `now`.
    pub(crate) fn generation(&self, now: bool) -> R<u64> {
        let ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked = self.looked.load(Ordering::Relaxed);
        if (now || ms.saturating_sub(looked) >= LOOK_MS || looked == 0)
            && let Some(vault) = self.vault_if_any()?
        {
            let counter = vault.change_counter()?;
            let mut seen = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen != counter {
                *seen = counter;
                self.generation.fetch_add(1, Ordering::AcqRel);
            }
            self.looked.store(ms.max(1), Ordering::Relaxed);
        }
        Ok(self.generation.load(Ordering::Acquire))
    }
}

/// An error of opening, with the path: a configuration may name several stores.
fn at(path: &Path, e: StoreError) -> TokenError {
    let e = TokenError::from(e);
    e.reason.because(format!("{}: {e}", path.display()))
}

impl From<StoreError> for TokenError {
    fn from(e: StoreError) -> Self {
        let text = e.to_string();
        match e {
            StoreError::PinIncorrect => Reason::PinIncorrect,
            StoreError::PinLocked { .. } => Reason::PinLocked,
            StoreError::UserPinNotSet => Reason::UserPinNotInitialized,
            StoreError::NotFound => Reason::ObjectHandleInvalid,
            StoreError::ReadOnly => Reason::TokenWriteProtected,
            StoreError::Full => Reason::StoreFull,
            StoreError::NotAStore { .. } | StoreError::Version { .. } => Reason::TokenNotRecognized,
            StoreError::SoOnly | StoreError::KeysReplaced => Reason::UserNotLoggedIn,
            StoreError::Forked => Reason::CryptokiNotInitialized,
            StoreError::Refused { .. } => Reason::AttributeValueInvalid,
            StoreError::Exists { .. } | StoreError::Stale { .. } | StoreError::Busy | StoreError::Damaged { .. } | StoreError::Io { .. } | _ => {
                Reason::DeviceError
            }
        }
        .because(text)
    }
}
