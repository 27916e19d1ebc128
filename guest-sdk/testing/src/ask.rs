//! The roles of a component.

use crate::Component;
use crate::event;
use cachewit_guest::{
    Admission, Admit, Ask, Decision, Events, Eviction, Group, Observer, Plan, Remote, Request, Rows, Serve, Serving, Session, Sets, Targets,
};
use serde_json::Value;
use std::time::Duration;

impl Component {
    fn ask_in(&mut self, question: &str, content: Value, session: &dyn Session) -> Value {
        let session = event::session(session, self.variables());
        self.ask(question, content, Some(session))
    }
}

impl Admission for Component {
    fn admit(&mut self, group: &dyn Group, session: &dyn Session) -> Admit {
        let answer = self.ask_in("admit", event::group(group), session);
        Admit { keep: answer["keep"].as_bool(), share: answer["share"].as_bool() }
    }
}

impl Serving for Component {
    fn serve(&mut self, group: &dyn Group, session: &dyn Session) -> Serve {
        match &self.ask_in("serve", event::group(group), session)["serve"] {
            Value::Bool(true) => Serve::Yes,
            Value::Bool(false) => Serve::Refuse,
            Value::String(word) if word == "abstain" => Serve::Abstain,
            Value::String(word) if word == "abstain-from-origin" => Serve::AbstainFromOrigin,
            _ => Serve::NoOpinion,
        }
    }
}

/// The engine asks for a trim as a whole, which is done at its beginning; what follows hands out the answer.
impl Eviction for Component {
    fn begin(&mut self, rows: &dyn Rows) {
        let mut trim = event::trim(rows);
        trim["used"] = rows.used().into();
        trim["wanted"] = rows.wanted().into();
        let answer = self.ask("score", trim, None);
        self.scores = answer["scores"].as_array().into_iter().flatten().map(score).collect();
        if let Some(tags) = answer["tags"].as_array() {
            let tags: Vec<u64> = tags.iter().filter_map(Value::as_u64).collect();
            rows.set_tags(0, &tags);
        }
    }

    fn score(&mut self, _: &dyn Rows, first: u32, count: u32) -> Vec<f64> {
        let run = self.scores.get(first as usize..).unwrap_or_default();
        run.iter().take(count as usize).copied().collect()
    }
}

impl Remote for Component {
    fn open(&mut self, targets: &dyn Targets, sets: &dyn Sets, session: &dyn Session, plan: &dyn Plan) -> Decision {
        let answer = self.ask_in("open", event::network(targets, Some(sets)), session);
        decided(&answer["load"], |set| plan.load(number(set)))
    }

    fn route(&mut self, request: &dyn Request, targets: &dyn Targets, session: &dyn Session, plan: &dyn Plan) -> Decision {
        let answer = self.ask_in("route", event::miss(request, targets), session);
        decided(&answer["ask"], |ask| {
            plan.ask(Ask { target: number(&ask["target"]), wait: ask["wait-ms"].as_u64().map(Duration::from_millis) });
        })
    }

    fn close(&mut self, targets: &dyn Targets, session: &dyn Session, plan: &dyn Plan) -> Decision {
        let answer = self.ask_in("close", event::network(targets, None), session);
        decided(&answer["publish"], |publish| plan.publish(number(&publish["target"]), publish["name"].as_str().unwrap_or_default()));
        decided(&answer["share"], |target| plan.share(number(target)))
    }
}

impl Observer for Component {
    fn observe(&mut self, events: &dyn Events, session: &dyn Session, first: u32, count: u32) {
        self.ask_in("observe", event::happened(events, first, count), session);
    }
}

/// Takes every step of a plan; null is none.
fn decided(steps: &Value, step: impl Fn(&Value)) -> Decision {
    let Some(steps) = steps.as_array() else { return Decision::Pass };
    steps.iter().for_each(step);
    Decision::Decided
}

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX)
}

/// JSON has no infinity: it is written as a text.
fn score(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(f64::NAN)
}
