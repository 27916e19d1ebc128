//! `cachewit plugin eval`: one decision, from an event in JSON to an answer in JSON. A policy in a review, or in a test of CI's, without
//! any build.

use super::event::{Event, Question};
use super::{artifacts, read_settings, source};
use crate::policy::{Policy, PolicyError, Serve, load_with};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments of `plugin eval`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// A file, or builtin:NAME
    plugin: String,
    /// The event, as docs/plugins.md describes it; by default standard input
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

/// Asks, and prints what it answers and what it said meanwhile.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let text = if let Some(path) = &arguments.event {
        std::fs::read_to_string(path).with_context(|| format!("cannot read the event {}", path.display()))?
    } else {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the event from standard input")?;
        text
    };
    let event: Event = serde_json::from_str(&text).context("the event cannot be used")?;
    let (session, grants) = event.session()?;
    let (mut policy, roles) = load_with(&source(&arguments.plugin), read_settings(&arguments.settings)?, session, grants, &artifacts()?)?;
    let role = event.question.role();
    if !roles.names().contains(&role) {
        let names = if roles.names().is_empty() { "none".to_owned() } else { roles.names().join(", ") };
        anyhow::bail!("it has no role `{role}`, of which the event is; its roles: {names}");
    }
    let answer = ask(&mut policy, &event.question);
    let lines: Vec<Value> = policy.take_lines().into_iter().map(|(level, text)| json!({ "level": level, "text": text })).collect();
    let counters = policy.take_counters();
    let mut object = match answer {
        Ok(answer) => answer,
        Err(error) => json!({ "error": error.to_string() }),
    };
    let failed = object.get("error").is_some();
    if !lines.is_empty() {
        object["log"] = lines.into();
    }
    if !counters.is_empty() {
        object["counters"] = json!(counters);
    }
    println!("{object}");
    Ok(ExitCode::from(u8::from(failed)))
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
                answer => (answer == Serve::Yes).into(),
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
            let mut answer = json!({ "scores": scores, "order": order });
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
