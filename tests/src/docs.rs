//! Documents whose commands tests run.

/// The lines that a reader types.
pub fn commands(text: &str) -> Vec<&str> {
    text.split("```console\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("$ "))
        .collect()
}
