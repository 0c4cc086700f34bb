//! The calls that a sequence is made of, how often each is drawn, and who makes it.

use crate::world::{Judged, World};

/// The calls of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    OpenSession,
    CloseSession,
    CloseAllSessions,
    SessionInfo,
    SessionCancel,
    Login,
    Logout,
    InitPin,
    SetPin,
    Create,
    Destroy,
    GetLabel,
    SetLabel,
    /// FindObjectsInit, FindObjects, FindObjectsFinal in one go: gives the sequence its handles.
    Lookup,
    FindInit,
    Find,
    FindFinal,
    Init,
    InitNull,
    OneShot,
    Update,
    Final,
    DigestKey,
    Dual,
    SignatureInit,
    SignatureOneShot,
    SignatureUpdate,
    SignatureFinal,
    MessageInit,
    /// C_EncryptMessage and its kin.
    MessageWhole,
    MessageBegin,
    MessageNext,
    MessageFinal,
    SaveState,
    RestoreState,
}

impl Call {
    /// How often each is drawn.
    pub(crate) const WEIGHTS: &[(Self, u64)] = &[
        (Self::OpenSession, 30),
        (Self::CloseSession, 12),
        (Self::CloseAllSessions, 2),
        (Self::SessionInfo, 12),
        (Self::SessionCancel, 20),
        (Self::Login, 30),
        (Self::Logout, 12),
        (Self::InitPin, 2),
        (Self::SetPin, 2),
        (Self::Create, 24),
        (Self::Destroy, 12),
        (Self::GetLabel, 16),
        (Self::SetLabel, 10),
        (Self::Lookup, 30),
        (Self::FindInit, 24),
        (Self::Find, 30),
        (Self::FindFinal, 16),
        (Self::Init, 200),
        (Self::InitNull, 16),
        (Self::OneShot, 110),
        (Self::Update, 150),
        (Self::Final, 90),
        (Self::DigestKey, 14),
        (Self::Dual, 60),
        (Self::SignatureInit, 24),
        (Self::SignatureOneShot, 10),
        (Self::SignatureUpdate, 24),
        (Self::SignatureFinal, 14),
        (Self::MessageInit, 60),
        (Self::MessageWhole, 50),
        (Self::MessageBegin, 50),
        (Self::MessageNext, 100),
        (Self::MessageFinal, 12),
        (Self::SaveState, 16),
        (Self::RestoreState, 16),
    ];
}

/// One call with numbers that are read relative to the state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) call: Call,
    pub(crate) session: u8,
    pub(crate) a: u8,
    pub(crate) b: u8,
    pub(crate) c: u8,
    pub(crate) d: u8,
}

impl World {
    /// Makes the call and judges its answer.
    pub(crate) fn step(&mut self, step: &Step) -> Judged {
        match step.call {
            Call::OpenSession => self.open_session(step),
            Call::CloseSession => self.close_session(step),
            Call::CloseAllSessions => self.close_all_sessions(),
            Call::SessionInfo => self.session_info(step),
            Call::SessionCancel => self.session_cancel(step),
            Call::Login => self.login(step),
            Call::Logout => self.logout(step),
            Call::InitPin => self.init_pin(step),
            Call::SetPin => self.set_pin(step),
            Call::Create => self.create(step),
            Call::Destroy => self.destroy(step),
            Call::GetLabel => self.get_label(step),
            Call::SetLabel => self.set_label(step),
            Call::Lookup => self.lookup(step),
            Call::FindInit => self.find_init(step),
            Call::Find => self.find(step),
            Call::FindFinal => self.find_final(step),
            Call::Init => self.init(step),
            Call::InitNull => self.init_null(step),
            Call::OneShot => self.one_shot(step),
            Call::Update => self.update(step),
            Call::Final => self.finish(step),
            Call::DigestKey => self.digest_key(step),
            Call::Dual => self.dual(step),
            Call::SignatureInit => self.signature_init(step),
            Call::SignatureOneShot => self.signature_one_shot(step),
            Call::SignatureUpdate => self.signature_update(step),
            Call::SignatureFinal => self.signature_final(step),
            Call::MessageInit => self.message_init(step),
            Call::MessageWhole => self.message_whole(step),
            Call::MessageBegin => self.message_begin(step),
            Call::MessageNext => self.message_next(step),
            Call::MessageFinal => self.message_final(step),
            Call::SaveState => self.save_state(step),
            Call::RestoreState => self.restore_state(step),
        }
    }
}
