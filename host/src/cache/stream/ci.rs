//! What a CI system says of the job that runs: why it runs, and on which branch. The variables are those that each system documents; what a
//! job's own steps have set in their place is believed as well, so none of it proves anything about a stranger's job.

/// Reads an environment variable that is set to something.
type Variable<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

/// Why the job runs: `push`, `pull-request`, `tag`, `schedule`, `manual`, or `other` where the system says something else. None where no
/// system is known to say.
pub(super) fn event(variable: &Variable) -> Option<&'static str> {
    let set = |name: &str| variable(name).is_some_and(|value| value != "false");
    // GitHub, Forgejo and Gitea; GitLab; Woodpecker and Drone; Azure; Travis.
    let said = ["GITHUB_EVENT_NAME", "CI_PIPELINE_SOURCE", "CI_PIPELINE_EVENT", "DRONE_BUILD_EVENT", "BUILD_REASON", "TRAVIS_EVENT_TYPE"];
    if let Some(said) = said.into_iter().find_map(variable) {
        let tagged = variable("GITHUB_REF_TYPE") == Some("tag")
            || ["CI_COMMIT_TAG", "DRONE_TAG", "TRAVIS_TAG"].into_iter().any(set)
            || variable("BUILD_SOURCEBRANCH").is_some_and(|reference| reference.starts_with("refs/tags/"));
        return Some(match said {
            "pull_request" | "pull_request_target" | "merge_request_event" | "external_pull_request_event" | "PullRequest" => {
                "pull-request"
            }
            "push" | "IndividualCI" | "BatchedCI" if tagged => "tag",
            "push" | "IndividualCI" | "BatchedCI" => "push",
            "tag" => "tag",
            "schedule" | "cron" | "Schedule" => "schedule",
            "workflow_dispatch" | "repository_dispatch" | "web" | "api" | "trigger" | "manual" | "Manual" | "custom" => "manual",
            _ => "other",
        });
    }
    // Those that say it in pieces: Buildkite, CircleCI, Bitbucket, and Jenkins with its multibranch plugin.
    if ["BUILDKITE_PULL_REQUEST", "CIRCLE_PULL_REQUEST", "BITBUCKET_PR_ID", "CHANGE_ID"].into_iter().any(set) {
        return Some("pull-request");
    }
    if ["BUILDKITE_TAG", "CIRCLE_TAG", "BITBUCKET_TAG", "TAG_NAME"].into_iter().any(set) {
        return Some("tag");
    }
    match variable("BUILDKITE_SOURCE") {
        Some("webhook") => return Some("push"),
        Some("schedule") => return Some("schedule"),
        Some("ui" | "api") => return Some("manual"),
        Some(_) => return Some("other"),
        None => {}
    }
    ["CIRCLE_BRANCH", "BITBUCKET_BRANCH", "BRANCH_NAME"].into_iter().any(set).then_some("push")
}

/// The branch that the job is about; of a pull request the one that is to be merged, whatever repository it is in.
pub(super) fn branch(variable: &Variable) -> Option<String> {
    let of_request = [
        "GITHUB_HEAD_REF",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
        "CI_COMMIT_SOURCE_BRANCH",
        "DRONE_SOURCE_BRANCH",
        "TRAVIS_PULL_REQUEST_BRANCH",
        "CHANGE_BRANCH",
        "SYSTEM_PULLREQUEST_SOURCEBRANCH",
    ];
    let of_push = [
        "CI_COMMIT_BRANCH",
        "DRONE_BRANCH",
        "TRAVIS_BRANCH",
        "BUILDKITE_BRANCH",
        "CIRCLE_BRANCH",
        "BITBUCKET_BRANCH",
        "BRANCH_NAME",
        "BUILD_SOURCEBRANCH",
    ];
    let on_github = variable("GITHUB_REF_NAME").filter(|_| variable("GITHUB_REF_TYPE") == Some("branch"));
    let name = of_request.into_iter().find_map(variable).or(on_github).or_else(|| of_push.into_iter().find_map(variable))?;
    if name.starts_with("refs/tags/") {
        return None;
    }
    Some(name.strip_prefix("refs/heads/").unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    fn of(variables: &[(&'static str, &'static str)]) -> (Option<&'static str>, Option<String>) {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        let variable = |name: &str| variables.get(name).copied();
        (super::event(&variable), super::branch(&variable))
    }

    fn said(event: &'static str, branch: &str) -> (Option<&'static str>, Option<String>) {
        (Some(event), Some(branch).filter(|branch| !branch.is_empty()).map(str::to_owned))
    }

    #[test]
    fn each_system_says_why_a_job_runs_and_on_which_branch() {
        let github = |event, kind, name| [("GITHUB_EVENT_NAME", event), ("GITHUB_REF_TYPE", kind), ("GITHUB_REF_NAME", name)];
        assert_eq!(of(&github("push", "branch", "main")), said("push", "main"));
        assert_eq!(of(&github("push", "tag", "v1.2.3")), said("tag", ""));
        let request = [&github("pull_request", "branch", "7/merge")[..], &[("GITHUB_HEAD_REF", "main")]].concat();
        assert_eq!(of(&request), said("pull-request", "main"), "a fork's branch may have any name");
        assert_eq!(of(&github("workflow_dispatch", "branch", "main")), said("manual", "main"));
        assert_eq!(of(&github("merge_group", "branch", "q")), said("other", "q"));
        assert_eq!(of(&[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "dev")]), said("push", "dev"));
        let gitlab = [("CI_PIPELINE_SOURCE", "merge_request_event"), ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "fix")];
        assert_eq!(of(&gitlab), said("pull-request", "fix"));
        assert_eq!(of(&[("BUILD_REASON", "IndividualCI"), ("BUILD_SOURCEBRANCH", "refs/heads/a/b")]), said("push", "a/b"));
        assert_eq!(of(&[("BUILD_REASON", "IndividualCI"), ("BUILD_SOURCEBRANCH", "refs/tags/v1")]), said("tag", ""));
        let buildkite = |request, source| [("BUILDKITE_PULL_REQUEST", request), ("BUILDKITE_SOURCE", source), ("BUILDKITE_BRANCH", "b")];
        assert_eq!(of(&buildkite("false", "webhook")), said("push", "b"));
        assert_eq!(of(&buildkite("12", "webhook")), said("pull-request", "b"));
        assert_eq!(of(&[("CIRCLE_BRANCH", "c")]), said("push", "c"));
        assert_eq!(of(&[("CHANGE_ID", "3"), ("CHANGE_BRANCH", "j")]), said("pull-request", "j"));
        assert_eq!(of(&[]), (None, None), "a person's machine");
    }
}
