//! What is done at every revision: `go` commands as developers, editors and CI give them.

/// The folder that a command runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A checkout that stays and is brought up to date: a developer's.
    Standing,
    /// A checkout into a folder that nobody has seen before: CI's.
    Fresh,
    /// Somewhere else; `{checkout}` in the words names the developer's checkout.
    Elsewhere,
    /// A package's folder in the developer's checkout.
    Package(Pick),
    /// A workspace with the developer's checkout and a module that uses it.
    Workspace,
}

/// One of the module's packages below its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The first by name that has tests.
    First,
    /// The last by name that has tests.
    Last,
}

/// What stands between `go` and the host that it starts, or hides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Nothing.
    Nothing,
    /// A shell script that starts cachewit and waits for it.
    Script,
    /// Namespaces in which /proc is an empty folder: the words of the `go` command cannot be read.
    NoProc,
}

/// Who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The `go` command of the history.
    Go,
    /// Another release of Go on the same machine.
    OtherGo,
    /// staticcheck, which runs `go list` itself.
    Staticcheck,
}

/// A command that is given again at every revision.
#[derive(Clone, Debug)]
pub struct Job {
    /// What it does: the same where two commands do the same.
    pub name: &'static str,
    /// How it is started.
    pub how: &'static str,
    /// Who runs it.
    pub program: Program,
    /// Its arguments. `{checkout}` is the developer's checkout, `{place}` the folder that it runs in, `{random}` a path that nobody has
    /// seen, `{revision}` the revision.
    pub words: &'static [&'static str],
    /// Variables of its environment.
    pub environment: &'static [(&'static str, &'static str)],
    /// Where it runs.
    pub place: Place,
    /// What stands between.
    pub between: Between,
}

impl Job {
    const fn new(name: &'static str, how: &'static str, words: &'static [&'static str], place: Place) -> Self {
        Self { name, how, program: Program::Go, words, environment: &[], place, between: Between::Nothing }
    }

    const fn with(self, environment: &'static [(&'static str, &'static str)]) -> Self {
        Self { environment, ..self }
    }

    const fn behind(self, between: Between) -> Self {
        Self { between, ..self }
    }

    const fn by(self, program: Program) -> Self {
        Self { program, ..self }
    }
}

/// Build and vet: what costs that a cache can save, once for each revision.
pub const PLAIN: [Job; 2] =
    [Job::new("build", "checkout", &["build", "./..."], Place::Standing), Job::new("vet", "checkout", &["vet", "./..."], Place::Standing)];

/// The query of gopls for a workspace, which golangci-lint's is but for the fields; editors hand their unsaved files over as an overlay.
const EDITOR: &[&str] = &[
    "list",
    "-overlay={random}.json",
    "-e",
    "-json=Name,ImportPath,Error,Dir,GoFiles,IgnoredGoFiles,IgnoredOtherFiles,CFiles,CgoFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles,EmbedFiles,EmbedPatterns,CompiledGoFiles,Export,DepOnly,Imports,ImportMap,TestGoFiles,TestEmbedFiles,TestEmbedPatterns,XTestGoFiles,XTestEmbedFiles,XTestEmbedPatterns,ForTest,DepsErrors,Module,Target",
    "-compiled=true",
    "-test=true",
    "-export=true",
    "-deps=true",
    "-find=false",
    "-pgo=off",
    "--",
    "{place}/...",
    "builtin",
];

/// A release build that stamps the revision, as most CI does.
const RELEASE: &[&str] = &["build", "-trimpath", "-ldflags=-s -w -X main.version={revision}", "-o", "{random}/", "./..."];

/// All that a team does with one module, on one machine.
pub const MIXED: [Job; 24] = [
    Job::new("build", "checkout", &["build", "./..."], Place::Standing),
    Job::new("build", "random folder", &["build", "./..."], Place::Fresh),
    Job::new("build", "-C, from elsewhere", &["build", "-C", "{checkout}", "./..."], Place::Elsewhere),
    Job::new("build", "argv unreadable, random folder", &["build", "./..."], Place::Fresh).behind(Between::NoProc),
    Job::new("build", "behind a script", &["build", "./..."], Place::Standing).behind(Between::Script),
    Job::new("vet", "checkout", &["vet", "./..."], Place::Standing),
    Job::new("vet", "random folder", &["vet", "./..."], Place::Fresh),
    Job::new("vet", "argv unreadable, random folder", &["vet", "./..."], Place::Fresh).behind(Between::NoProc),
    Job::new("test", "checkout", &["test", "./..."], Place::Standing),
    Job::new("test", "random folder, JSON", &["test", "-json", "-timeout", "5m", "./..."], Place::Fresh),
    Job::new("test", "argv unreadable, random folder", &["test", "./..."], Place::Fresh).behind(Between::NoProc),
    Job::new("test with coverage", "random folder", &["test", "-count=1", "-coverprofile", "{random}.out", "./..."], Place::Fresh),
    Job::new("test one package", "first package's folder", &["test", "."], Place::Package(Pick::First)),
    Job::new("test another package", "last package's folder", &["test", "."], Place::Package(Pick::Last)),
    Job::new("release", "random folder", RELEASE, Place::Fresh),
    Job::new("list -export -deps", "checkout", &["list", "-export", "-deps", "./..."], Place::Standing),
    Job::new("editor", "checkout", EDITOR, Place::Standing),
    Job::new("staticcheck", "random folder", &["./..."], Place::Fresh).by(Program::Staticcheck),
    Job::new("build with tags", "GOFLAGS", &["build", "./..."], Place::Standing).with(&[("GOFLAGS", "-tags=netgo,osusergo -v")]),
    Job::new("build for Windows", "checkout", &["build", "./..."], Place::Standing).with(&[("GOOS", "windows")]),
    Job::new("vet for arm64", "checkout", &["vet", "./..."], Place::Standing).with(&[("GOARCH", "arm64")]),
    Job::new("build with another Go", "checkout", &["build", "./..."], Place::Standing).by(Program::OtherGo),
    Job::new("build a workspace", "go.work", &["build", "../checkout/...", "./app"], Place::Workspace),
    Job::new("test a workspace", "go.work", &["test", "../checkout/...", "./app"], Place::Workspace),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_with_one_name_differ_in_how_they_are_started() {
        for jobs in [&MIXED[..], &PLAIN[..]] {
            let mut all: Vec<(&str, &str)> = jobs.iter().map(|job| (job.name, job.how)).collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), jobs.len());
        }
    }
}
