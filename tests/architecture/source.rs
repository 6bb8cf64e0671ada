//! Reads Rust sources well enough to see what they import: comments, strings and test modules are blanked out first.
//!
//! What it is not: a parser; it knows names, `::` and braces. Nor a rule: those are in `architecture.rs`.
//!
//! Invariant: a path that reaches another folder is seen, however it is written: `crate::`, `tickbridge::`, a braced list, or
//! `super::` up to the root.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A source file with its comments, strings and test modules blanked out.
pub(super) struct Source {
    /// Relative to `src/`, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    code: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into(), code: without_tests(&without_words(text)) }
    }

    /// `engine` for `engine/mod.rs`, `app` for `app.rs` and `app/setup.rs`.
    pub(super) fn folder(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Module path below the crate, `["wire", "zmtp"]` for `wire/zmtp/mod.rs`.
    fn module(&self) -> Vec<&str> {
        let path = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let mut parts: Vec<&str> = path.split('/').collect();
        if parts.last() == Some(&"mod") {
            parts.pop();
        }
        parts
    }

    /// Folders that this file imports.
    pub(super) fn imports(&self) -> BTreeSet<String> {
        let tokens = tokens(&self.code);
        let mut found = BTreeSet::new();
        let mut at = 0;
        while at < tokens.len() {
            let starts_path = at == 0 || tokens[at - 1] != "::";
            match tokens[at] {
                "crate" | "tickbridge" if tokens.get(at + 1) == Some(&"::") => {
                    heads(&tokens, at + 2, &mut found);
                    at += 2;
                }
                "super" if starts_path => {
                    let mut up = 0;
                    while tokens.get(at) == Some(&"super") && tokens.get(at + 1) == Some(&"::") {
                        up += 1;
                        at += 2;
                    }
                    // As many steps as the module is deep lead to the crate's root.
                    if up == self.module().len() {
                        heads(&tokens, at, &mut found);
                    }
                    at += usize::from(up == 0);
                }
                _ => at += 1,
            }
        }
        // The macro is exported at the crate's root and lives in `record`.
        if found.remove("layout") {
            found.insert("record".into());
        }
        found.remove(self.folder());
        found
    }

    /// Whether the code says a path, a macro, a keyword, a type, or names a crate: `zip::` and `use zip`, not `.zip(`.
    pub(super) fn has_word(&self, word: &str) -> bool {
        let parts: Vec<&str> = match word.strip_suffix('!') {
            Some(name) => vec![name, "!"],
            None => word.split("::").flat_map(|part| ["::", part]).skip(1).collect(),
        };
        let tokens = tokens(&self.code);
        let is_lower = word.chars().all(|sign| sign.is_lowercase() || sign == '_');
        let is_crate = is_lower && !matches!(word, "async" | "await" | "unsafe");
        tokens.windows(parts.len()).enumerate().any(|(at, window)| {
            let follows = tokens.get(at + parts.len()).copied();
            let leads = at.checked_sub(1).map(|before| tokens[before]);
            let as_crate = (follows == Some("::") && leads != Some("::")) || leads == Some("use");
            window == parts.as_slice() && (!is_crate || as_crate)
        })
    }
}

/// The first names of a path or of a `{…}` list of paths.
fn heads(tokens: &[&str], at: usize, found: &mut BTreeSet<String>) {
    if tokens.get(at) != Some(&"{") {
        found.extend(tokens.get(at).filter(|name| **name != "self").map(|name| (*name).to_owned()));
        return;
    }
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match *token {
            "{" => depth += 1,
            "}" => depth -= 1,
            name if depth == 1 && matches!(tokens[index - 1], "{" | ",") && name != "self" => {
                found.insert(name.to_owned());
            }
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

/// Names, `::`, and single signs.
fn tokens(code: &str) -> Vec<&str> {
    let is_name = |sign: char| sign.is_alphanumeric() || sign == '_';
    let mut found = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let bytes = if is_name(first) {
            rest.find(|sign| !is_name(sign)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        found.push(&rest[..bytes]);
        rest = rest[bytes..].trim_start();
    }
    found
}

/// Comments and the contents of strings and characters become blanks; lines stay.
fn without_words(text: &str) -> String {
    let signs: Vec<char> = text.chars().collect();
    let starts =
        |at: usize, what: &str| what.chars().enumerate().all(|(i, sign)| signs.get(at + i) == Some(&sign));
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    let blank = |code: &mut String, from: usize, to: usize| {
        code.extend(
            signs[from..to.min(signs.len())].iter().map(|&sign| if sign == '\n' { '\n' } else { ' ' }),
        );
    };
    while at < signs.len() {
        let end = if starts(at, "//") {
            (at..signs.len()).find(|&i| signs[i] == '\n').unwrap_or(signs.len())
        } else if starts(at, "/*") {
            let mut depth = 0;
            let mut i = at;
            loop {
                if i >= signs.len() {
                    break i;
                } else if starts(i, "/*") {
                    (depth, i) = (depth + 1, i + 2);
                } else if starts(i, "*/") {
                    (depth, i) = (depth - 1, i + 2);
                    if depth == 0 {
                        break i;
                    }
                } else {
                    i += 1;
                }
            }
        } else if signs[at] == 'r'
            && matches!(signs.get(at + 1), Some('"' | '#'))
            && (at == 0 || !(signs[at - 1].is_alphanumeric() && signs[at - 1] != 'b' || signs[at - 1] == '_'))
        {
            let hashes = signs[at + 1..].iter().take_while(|&&sign| sign == '#').count();
            if signs.get(at + 1 + hashes) == Some(&'"') {
                let close = format!("\"{}", "#".repeat(hashes));
                (at + 2 + hashes..signs.len())
                    .find(|&i| starts(i, &close))
                    .map_or(signs.len(), |i| i + 1 + hashes)
            } else {
                at
            }
        } else if signs[at] == '"' {
            let mut i = at + 1;
            while i < signs.len() && signs[i] != '"' {
                i += if signs[i] == '\\' { 2 } else { 1 };
            }
            i + 1
        } else if signs[at] == '\'' && signs.get(at + 1) == Some(&'\\') {
            (at + 3..signs.len()).find(|&i| signs[i] == '\'').map_or(signs.len(), |i| i + 1)
        } else if signs[at] == '\'' && signs.get(at + 2) == Some(&'\'') {
            at + 3
        } else {
            at
        };
        if end > at {
            blank(&mut code, at, end);
            at = end;
        } else {
            code.push(signs[at]);
            at += 1;
        }
    }
    code
}

/// Cuts every item behind `#[cfg(test)]`: to its `;`, or to the brace that closes it.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        rest = &rest[at + MARK.len()..];
        let mut depth = 0;
        let end = rest.char_indices().find_map(|(index, sign)| {
            match sign {
                '{' => depth += 1,
                '}' => depth -= 1,
                ';' if depth == 0 => return Some(index + 1),
                _ => {}
            }
            (sign == '}' && depth == 0).then_some(index + 1)
        });
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    kept.push_str(rest);
    kept
}

/// Every source below a folder, sorted.
pub(super) fn sources(root: &Path) -> Vec<Source> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(root, &mut paths);
    paths.sort();
    let read = |path: &PathBuf| {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let inside = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
        Source::new(&inside, &text)
    };
    paths.iter().map(read).collect()
}
