//! `cachewit plugin eval`: decisions, from events in JSON to answers in JSON. A policy in a review, or in a test of CI's, without any build.
//!
//! The testing crate of the SDK talks to this command: an answer leaves before the next event is read.

use super::event::{Event, Question, Session};
use super::{artifacts, read_settings, source};
use crate::config::PluginSource;
use crate::policy::wasm::{ArtifactStore, WasmPolicy};
use crate::policy::{Manifest, Policy, PolicyError, Roles, Serve, States, Wish, load_component, load_with};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments of `plugin eval`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// A file, or builtin:NAME
    plugin: String,
    /// Events, one or several, as docs/plugins.md describes them; by default standard input
    #[arg(value_name = "FILE")]
    event: Option<PathBuf>,
    /// Its settings as JSON, or @FILE
    #[arg(long, default_value = "{}", value_name = "JSON")]
    settings: String,
}

impl Arguments {
    /// What is asked.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }
}

/// Asks, and prints what it answers and what it said meanwhile, a line an event.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let events: Box<dyn Read> = if let Some(path) = &arguments.event {
        Box::new(BufReader::new(File::open(path).with_context(|| format!("cannot read the event {}", path.display()))?))
    } else {
        Box::new(std::io::stdin().lock())
    };
    let plugin = source(&arguments.plugin);
    let mut asked = Asked {
        wishes: Manifest::read(&load_component(&plugin)?)?.wishes,
        plugin,
        settings: read_settings(&arguments.settings)?,
        artifacts: artifacts()?,
        states: States::in_memory(),
        running: None,
    };
    let (mut number, mut failed) = (0_u64, false);
    for event in serde_json::Deserializer::from_reader(events).into_iter::<Event>() {
        number += 1;
        let answer = event.context("it cannot be used").and_then(|event| asked.answer(&event));
        let answer = answer.with_context(|| if number == 1 { "the event".to_owned() } else { format!("event {number}") })?;
        failed |= answer.get("error").is_some();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}").and_then(|()| out.flush()).context("cannot print the answer")?;
    }
    if number == 0 {
        bail!("there is no event; say for example {{\"admit\": {{\"size\": 1}}}}");
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// A plugin that is asked one event after another.
struct Asked {
    plugin: PluginSource,
    wishes: BTreeSet<Wish>,
    settings: Value,
    artifacts: ArtifactStore,
    /// What it remembers, from one session to the next.
    states: States,
    running: Option<Running>,
}

/// As one `go` command would have it.
struct Running {
    session: Session,
    policy: WasmPolicy,
    roles: Roles,
}

impl Asked {
    fn answer(&mut self, event: &Event) -> Result<Value> {
        let Running { policy, roles, .. } = self.in_session(event.session.as_ref())?;
        let role = event.question.role();
        if !roles.names().contains(&role) {
            let names = if roles.names().is_empty() { "none".to_owned() } else { roles.names().join(", ") };
            bail!("it has no role `{role}`, of which the event is; its roles: {names}");
        }
        let mut object = ask(policy, &event.question).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        let lines: Vec<Value> = policy.take_lines().into_iter().map(|(level, text)| json!({ "level": level, "text": text })).collect();
        let counters = policy.take_counters();
        if !lines.is_empty() {
            object["log"] = lines.into();
        }
        if !counters.is_empty() {
            object["counters"] = json!(counters);
        }
        Ok(object)
    }

    /// The plugin in this session; None = the one that is. Another session is another `go` command: a new instance, which remembers.
    fn in_session(&mut self, session: Option<&Session>) -> Result<&mut Running> {
        let same = self.running.take_if(|running| session.is_none_or(|session| *session == running.session));
        let running = if let Some(running) = same {
            running
        } else {
            if let Some(mut ended) = self.running.take() {
                ended.policy.remember().context("cannot keep what it remembers")?;
            }
            let session = session.cloned().unwrap_or_default();
            let (view, grants) = session.view(&self.wishes)?;
            let (policy, roles) = load_with(&self.plugin, self.settings.clone(), (view, grants, self.states.clone()), &self.artifacts)?;
            Running { session, policy, roles }
        };
        Ok(self.running.insert(running))
    }
}

fn ask(policy: &mut dyn Policy, question: &Question) -> Result<Value, PolicyError> {
    Ok(match question {
        Question::Admit(group) => {
            let answer = policy.admit(&group.view())?;
            json!({ "keep": answer.keep, "share": answer.share })
        }
        Question::Serve(group) => {
            let served = match policy.serve(&group.view())? {
                Serve::NoOpinion => Value::Null,
                Serve::Yes => true.into(),
                Serve::Refuse => false.into(),
                Serve::Abstain => "abstain".into(),
                Serve::AbstainFromOrigin => "abstain-from-origin".into(),
            };
            json!({ "serve": served })
        }
        Question::Score(trim) => {
            let mut columns = trim.columns();
            let before = columns.tags.clone();
            let scores = policy.score(&mut columns)?;
            let mut order: Vec<usize> = (0..scores.len()).collect();
            // As the host sorts: the longest unused first among equals.
            order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then_with(|| columns.ranks[*a].cmp(&columns.ranks[*b])));
            // JSON has no infinity.
            let shown = |score: &f64| if score.is_finite() { json!(score) } else { json!(score.to_string()) };
            let mut answer = json!({ "scores": scores.iter().map(shown).collect::<Vec<_>>(), "order": order });
            if columns.tags != before {
                answer["tags"] = json!(columns.tags);
            }
            answer
        }
        Question::Open(network) => json!({ "load": policy.open(&network.view())? }),
        Question::Route(request) => {
            let asks = policy.route(&request.network.view(), request.view())?;
            let asks = asks.map(|asks| {
                let one =
                    |ask: &crate::policy::Ask| json!({ "target": ask.target, "wait-ms": ask.wait.map(|wait| wait.as_millis() as u64) });
                asks.iter().map(one).collect::<Vec<_>>()
            });
            json!({ "ask": asks })
        }
        Question::Close(network) => match policy.close(&network.view())? {
            Some(plan) => {
                let publish: Vec<Value> = plan.publish.iter().map(|(target, name)| json!({ "target": target, "name": name })).collect();
                json!({ "publish": publish, "share": plan.share })
            }
            None => json!({ "publish": null, "share": null }),
        },
        Question::Observe(events) => {
            policy.observe(&events.columns())?;
            json!({})
        }
    })
}
