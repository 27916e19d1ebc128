//! What the doctor finds.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Good,
    /// Builds go on, but not as well as they could.
    Warning,
    /// Builds fail, or go on without the cache.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One of them. Its code stays the same for ever; `docs/doctor.md` lists them.
struct Finding {
    code: &'static str,
    level: Level,
    text: String,
    remedy: Option<String>,
}

/// All of them, in the order in which they were found.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub fn good(&mut self, code: &'static str, text: impl Into<String>) {
        self.0.push(Finding { code, level: Level::Good, text: text.into(), remedy: None });
    }

    pub fn warn(&mut self, code: &'static str, text: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { code, level: Level::Warning, text: text.into(), remedy: Some(remedy.into()) });
    }

    pub fn error(&mut self, code: &'static str, text: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { code, level: Level::Error, text: text.into(), remedy: Some(remedy.into()) });
    }

    /// Whether there is an error among them.
    pub fn are_bad(&self) -> bool {
        self.0.iter().any(|finding| finding.level == Level::Error)
    }

    /// As scripts read them.
    pub fn as_json(&self) -> Value {
        let one = |Finding { code, level, text, remedy }: &Finding| json!({ "code": code, "level": level.name(), "text": text, "remedy": remedy });
        json!({ "findings": self.0.iter().map(one).collect::<Vec<_>>() })
    }

    /// As people read them.
    pub fn print(&self) {
        for Finding { code, level, text, remedy } in &self.0 {
            let mark = match level {
                Level::Good => "ok     ",
                Level::Warning => "warning",
                Level::Error => "ERROR  ",
            };
            println!("{mark} {code}  {text}");
            if let Some(remedy) = remedy {
                println!("               → {remedy}");
            }
        }
    }
}
