//! The `go` command that started us.

/// The program and arguments of the `go` command, where the system lets us read them. Scripts may stand between it and us.
pub fn parent_arguments() -> Option<Vec<String>> {
    #[cfg(target_os = "linux")]
    {
        linux::parent_arguments()
    }
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;

    /// More generations than any script puts between `go` and its cache.
    const GENERATIONS: usize = 4;

    pub(super) fn parent_arguments() -> Option<Vec<String>> {
        let mut process = rustix::process::getppid()?.as_raw_nonzero().get();
        let first = arguments(process);
        let mut words = first.clone();
        for _ in 0..GENERATIONS {
            match words {
                Some(words) if is_go(&words) => return Some(words),
                _ => match parent(process) {
                    Some(next) => process = next,
                    None => break,
                },
            }
            words = arguments(process);
        }
        // A `go` under a name of somebody's own.
        first
    }

    fn arguments(process: i32) -> Option<Vec<String>> {
        let line = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
        let line = line.strip_suffix(&[0]).unwrap_or(&line);
        (!line.is_empty()).then(|| line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    fn parent(process: i32) -> Option<i32> {
        parent_in(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// The fourth field of a `stat`; the second is the program's name in brackets, which may hold blanks and brackets itself.
    fn parent_in(stat: &str) -> Option<i32> {
        let (_, behind) = stat.rsplit_once(')')?;
        behind.split_whitespace().nth(1)?.parse().ok().filter(|process| *process > 0)
    }

    /// Whether these are the words of a `go` command: `go`, or one that is called after its version, as distributions do.
    fn is_go(words: &[String]) -> bool {
        let name = words.first().and_then(|program| Path::new(program).file_name()?.to_str()).unwrap_or_default();
        name == "go" || name == "gotip" || ["go1.", "go-1."].iter().any(|version| name.starts_with(version))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_parent_stands_behind_any_name() {
            assert_eq!(parent_in("42 (a) b (c)) S 7 42 0 -1"), Some(7));
            assert_eq!(parent_in("1 (init) S 0 1"), None, "the first process has no parent");
            assert_eq!(parent_in("no stat"), None);
            assert_eq!(parent_in(""), None);
        }

        #[test]
        fn a_go_command_is_known_by_its_program() {
            let is_go = |program: &str| is_go(&[program.to_owned(), "build".to_owned()]);
            for program in ["go", "/usr/local/go/bin/go", "go1.27.3", "/usr/bin/go-1.27", "gotip"] {
                assert!(is_go(program), "{program}");
            }
            for program in ["sh", "/bin/gofmt", "gopls", "golangci-lint"] {
                assert!(!is_go(program), "{program}");
            }
            assert!(!super::is_go(&[]));
        }
    }
}
