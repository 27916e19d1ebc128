use super::*;

fn resolve(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::resolve(&Flags { config: Some(path), ..Flags::default() }, &environment, Path::new("/home/me/.cache/go-build"))
}

fn problem(text: &str) -> String {
    resolve(text, &[]).unwrap_err().to_string()
}

#[test]
fn a_whole_file_is_understood() {
    let config = resolve(
        r#"
        root = "/var/cache/cachewit"
        [limits]
        max-size = "2GiB"
        grace = "1m"
        [[policy]]
        use = "builtin:share-filter"
        settings.share.deny-packages = ["corp.example/secret/..."]
        [[policy]]
        use = "team.wasm"
        [[store]]
        name = "bucket"
        kind = "s3"
        bucket = "builds"
        mode = "read-write"
        [[store]]
        name = "drive"
        kind = "folder"
        path = "/mnt/drive"
        "#,
        &[],
    )
    .unwrap();
    assert_eq!(config.root, Path::new("/var/cache/cachewit"));
    assert_eq!(config.limits, Limits { max_size: Some(2 << 30), min_free: None, max_age: None, grace: Duration::from_secs(60) });
    assert_eq!(config.policies[0].source, PluginSource::Builtin("share-filter".to_owned()));
    assert_eq!(config.policies[0].settings["share"]["deny-packages"][0], "corp.example/secret/...");
    let PluginSource::File(team) = &config.policies[1].source else { panic!("no file") };
    assert!(team.is_absolute() && team.ends_with("team.wasm"), "a plugin's path counts from the file's folder");
    assert!(config.stores[0].mode.reads() && config.stores[0].mode.writes());
    assert_eq!(config.stores[1].mode, Mode::Read, "a store is read-only unless the operator says otherwise");
}

#[test]
fn an_unknown_key_names_the_nearest_one_and_the_line() {
    let text = problem("[limits]\nmax-sise = \"2GiB\"\n");
    assert!(text.contains("line 2") && text.contains("`max-sise`") && text.contains("did you mean `max-size`"), "{text}");
    let text = problem("[[store]]\nname = \"a\"\nkind = \"folders\"\npath = \"/x\"\n");
    assert!(text.contains("did you mean `folder`"), "{text}");
}

#[test]
fn a_value_that_is_not_possible_names_what_would_be() {
    for (text, part) in [
        ("limits.max-size = \"lots\"", "20GiB"),
        ("limits.grace = \"soon\"", "10m"),
        ("root = \"relative\"", "absolute"),
        ("[[store]]\nname = \"a\"\nkind = \"s3\"", "needs `bucket`"),
        ("[[store]]\nname = \"a\"\nkind = \"folder\"\npath = \"/x\"\nbucket = \"b\"", "has no `bucket`"),
        (
            "[[store]]\nname = \"a\"\nkind = \"folder\"\npath = \"/x\"\n[[store]]\nname = \"a\"\nkind = \"folder\"\npath = \"/y\"",
            "two stores",
        ),
    ] {
        let problem = problem(text);
        assert!(problem.contains(part), "{text}: {problem}");
    }
}

#[test]
fn the_environment_goes_before_the_file() {
    let config = resolve("root = \"/a\"\nlimits.max-size = 1000", &[("CACHEWIT_ROOT", "/b"), ("CACHEWIT_MAX_SIZE", "1MiB")]).unwrap();
    assert_eq!((config.root.as_path(), config.limits.max_size), (Path::new("/b"), Some(1 << 20)));
    let error = resolve("", &[("CACHEWIT_MAX_SIZE", "x")]).unwrap_err();
    assert!(error.to_string().contains("CACHEWIT_MAX_SIZE"), "{error}");
}

#[test]
fn close_waits_for_uploads_on_ci_only_unless_the_file_says_otherwise() {
    assert_eq!(resolve("", &[]).unwrap().wait_for_uploads, Duration::ZERO);
    assert_eq!(resolve("", &[("CI", "true")]).unwrap().wait_for_uploads, Duration::from_secs(60));
    assert_eq!(resolve("", &[("CI", "false")]).unwrap().wait_for_uploads, Duration::ZERO);
    assert_eq!(resolve("close.wait-for-uploads = \"5s\"", &[("CI", "true")]).unwrap().wait_for_uploads, Duration::from_secs(5));
}

#[test]
fn without_any_setting_the_store_lies_under_gocache() {
    let config = Config::resolve(&Flags { config: None, ..Flags::default() }, &Environment::new(), Path::new("/home/me/.cache/go-build"));
    // A user's own file may exist on the machine that runs this; then it has its say.
    if let Ok(config) = config
        && config.file.is_none()
    {
        assert_eq!(config.root, Path::new("/home/me/.cache/go-build/cachewit"));
    }
}

#[test]
fn a_plugin_has_what_the_lock_beside_the_configuration_grants_and_nothing_that_it_does_not_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let text = "[[policy]]\nuse = \"a.wasm\"\nrequired = true\n[[policy]]\nuse = \"b.wasm\"\n[[policy]]\nuse = \"builtin:lru\"\n";
    std::fs::write(&path, text).unwrap();
    let digest = Digest::of(b"a").to_hex();
    let lock = format!(
        "version = 1\n[[plugin]]\nfile = \"a.wasm\"\nsha256 = \"{digest}\"\ngranted = [\"fact:branch\", \"env:TEAM\", \"env:UNSET\"]\n"
    );
    std::fs::write(dir.path().join(lock::LOCK_FILE), lock).unwrap();
    let environment = Environment::from([("TEAM".to_owned(), "blue".to_owned()), ("SECRET".to_owned(), "x".to_owned())]);
    let flags = Flags { config: Some(path), plugins: vec!["c.wasm".to_owned()], ..Flags::default() };
    let config = Config::resolve(&flags, &environment, Path::new("/cache")).unwrap();
    let [c, a, b, lru] = config.policies.as_slice() else { panic!("{:?}", config.policies) };
    assert_eq!((a.pin, a.required), (Pin::Sha256(Digest::of(b"a")), true));
    assert_eq!(a.grants.facts, BTreeSet::from(["branch".to_owned()]));
    let variables = BTreeMap::from([("TEAM".to_owned(), Some("blue".to_owned())), ("UNSET".to_owned(), None)]);
    assert_eq!(a.grants.variables, variables);
    assert_eq!((b.pin, b.grants.clone()), (Pin::Missing, Grants::default()));
    assert_eq!((lru.pin, c.pin), (Pin::Any, Pin::Any), "what is shipped, and what somebody names on the command line");
    assert_eq!(c.grants, Grants::default(), "the command line grants nothing");
}

#[test]
fn a_key_that_is_as_long_as_the_file_is_cut_in_the_message() {
    for text in [format!("{} = 1", "k".repeat(100_000)), format!("[[store]]\nname = \"a\"\nkind = \"{}\"", "\\u001b".repeat(10_000))] {
        let error = parse_text(&text).unwrap_err();
        assert!(error.starts_with("line ") && error.len() < 600 && !error.contains(char::is_control), "{error}");
    }
}

#[test]
fn a_lock_that_cannot_be_used_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, "[[policy]]\nuse = \"a.wasm\"\n").unwrap();
    std::fs::write(dir.path().join(lock::LOCK_FILE), "version = 9\n").unwrap();
    let flags = Flags { config: Some(path), ..Flags::default() };
    let error = Config::resolve(&flags, &Environment::new(), Path::new("/cache")).unwrap_err().to_string();
    assert!(error.contains("cachewit.lock") && error.contains("is of version 9"), "{error}");
}
