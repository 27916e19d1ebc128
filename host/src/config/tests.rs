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
