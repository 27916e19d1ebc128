//! Who a policy is.

use crate::policy::States;
use crate::policy::context::{Grants, SessionView};
use std::sync::Arc;

/// Who a policy is to the operator, and what it may know.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name by which reports call it.
    pub name: String,
    /// Whose it is what a policy remembers, by how the operator has named it; None = whose name it says, which is for shipped ones.
    pub place: Option<String>,
    /// The session that it is asked about.
    pub session: Arc<SessionView>,
    /// Its settings.
    pub settings: Arc<serde_json::Value>,
    /// What it was let know.
    pub grants: Arc<Grants>,
    /// Where it is remembered what it wants to be; None = nowhere.
    pub states: Option<States>,
    /// The most detailed level of lines that is kept.
    pub max_level: u32,
}

impl Identity {
    /// To whom that belongs which a policy has remembered, and its words on entries, by what it says of itself. A shipped one is who it says. Of any
    /// other its place is a part of that: none gets at what belongs to another by calling itself like that one, and two copies of one with
    /// different settings do not get at each other's.
    pub fn owner(&self, name: &str, state_version: u32) -> String {
        let said = format!("{}/{state_version}", crate::fault::printable(name, 64));
        match &self.place {
            None => said,
            Some(place) => format!("{place}: {said}"),
        }
    }

    /// Outside of any session.
    pub fn alone(settings: serde_json::Value, max_level: u32) -> Self {
        Self {
            name: String::new(),
            place: None,
            session: Arc::default(),
            settings: Arc::new(settings),
            grants: Arc::default(),
            states: None,
            max_level,
        }
    }
}
