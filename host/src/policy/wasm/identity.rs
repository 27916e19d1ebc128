//! Who a policy is.

use crate::policy::States;
use crate::policy::context::{Grants, SessionView};
use std::sync::Arc;

/// Who a policy is to the operator, and what it may know.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name by which reports call it.
    pub name: String,
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
    /// Outside of any session.
    pub fn alone(settings: serde_json::Value, max_level: u32) -> Self {
        Self { name: String::new(), session: Arc::default(), settings: Arc::new(settings), grants: Arc::default(), states: None, max_level }
    }
}
