//! Reads a file and its includes against the schema and collects every fault.
//!
//! What it is not: it compares no two keys (`cross` does).
//!
//! Invariant: what comes out holds every required key and every default; what the schema does not list never gets in.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value as Json};
use toml_edit::{Item, TableLike};

use super::complete::default_value;
use super::error::{ConfigError, FAULTS_MAX, Fault};
use super::keys::SECTIONS;
use super::schema::{Kind, Presence, Section, Shape, nearest};
use super::source::Source;
use super::value;

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Origin {
    /// The schema's default.
    Default,
    /// A line of a file.
    Line(PathBuf, usize),
}

/// One resolved value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub name: &'static str,
    /// Its value; paths already joined to the main file's folder.
    pub value: Json,
    /// Who set it.
    pub origin: Origin,
}

/// One resolved section, or one of many of its kind.
#[derive(Clone, Debug)]
pub struct Block {
    /// Which section.
    pub section: &'static Section,
    /// In which file it was opened, and where; line 0 when it is all defaults.
    pub file: PathBuf,
    /// Line of its header.
    pub line: usize,
    /// Its values in the schema's order; unset optional keys are absent.
    pub entries: Vec<Entry>,
}

impl Block {
    /// The entry of a key, unless it is unset.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// A text value.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.entry(name).and_then(|entry| entry.value.as_str())
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.entry(name).and_then(|entry| entry.value.as_f64())
    }
}

/// The walk over all files.
pub(super) struct Validator {
    base: PathBuf,
    pub(super) blocks: Vec<Block>,
    pub(super) errors: Vec<ConfigError>,
}

impl Validator {
    /// Walks the main file and what it includes.
    pub(super) fn walk(main: &Source) -> Self {
        let base = main.file.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut walk = Validator { base, blocks: Vec::new(), errors: Vec::new() };
        let root: &dyn TableLike = main.document.as_table();
        for (name, item) in root.iter() {
            let line = main.line(root.key(name).and_then(|key| key.span()).or_else(|| item.span()));
            let include = SECTIONS.iter().find(|section| section.include == name && !name.is_empty());
            match (include, item.as_str()) {
                (Some(section), Some(file)) => walk.include(main, line, section, file),
                _ => walk.root_item(main, line, name, item, None),
            }
        }
        walk.absent_sections(&main.file);
        walk
    }

    fn include(&mut self, main: &Source, line: usize, section: &'static Section, file: &str) {
        let source = match Source::read(&self.base.join(file)) {
            Ok(source) => source,
            Err(mut error) => {
                error.key = section.name.into();
                if error.fault == Fault::File {
                    error.expected =
                        format!("{} ({} line {line} includes it)", error.expected, main.file.display());
                }
                return self.errors.push(error);
            }
        };
        let root: &dyn TableLike = source.document.as_table();
        for (name, item) in root.iter() {
            let line = source.line(root.key(name).and_then(|key| key.span()).or_else(|| item.span()));
            self.root_item(&source, line, name, item, Some(section));
        }
    }

    /// One top-level item; in an included file only that file's section is legal.
    fn root_item(
        &mut self,
        source: &Source,
        line: usize,
        name: &str,
        item: &Item,
        only: Option<&'static Section>,
    ) {
        let legal: Vec<&'static Section> = match only {
            Some(section) => vec![section],
            None => SECTIONS.iter().collect(),
        };
        let Some(section) = legal.iter().find(|section| section.name == name) else {
            let words = legal
                .iter()
                .flat_map(|section| [section.name, section.include])
                .filter(|word| !word.is_empty());
            let expected = match nearest(name, words) {
                Some(near) => format!("a section of the schema (did you mean {near}?)"),
                None if only.is_some() => format!("only {} in an included file", legal[0].header()),
                None => "a section of the schema".into(),
            };
            return self.fault(source, line, name, Fault::Unknown, expected, "an unknown name".into());
        };
        let tables = tables_of(section, item);
        if tables.is_empty() {
            let got = value::describe(item);
            return self.fault(source, line, name, Fault::Type, section.header(), got);
        }
        for (table, span) in tables {
            let line = span.map_or(line, |span| source.line(Some(span)));
            self.block(source, line, section, table);
        }
    }

    fn block(&mut self, source: &Source, line: usize, section: &'static Section, table: &dyn TableLike) {
        let seen = self.blocks.iter().filter(|block| block.section.name == section.name).count();
        let path = match section.shape {
            Shape::Many(_) | Shape::ManyOrNone(_) => format!("{}[{seen}]", section.name),
            Shape::One | Shape::OneRequired(_) => section.name.to_string(),
        };
        let most = if let Shape::Many(most) | Shape::ManyOrNone(most) = section.shape { most } else { 1 };
        if seen >= most {
            let expected = format!("at most {most} of {}", section.header());
            return self.fault(source, line, &path, Fault::Duplicate, expected, "one more".into());
        }
        for (name, item) in table.iter() {
            if section.key(name).is_none() {
                let span = table.key(name).and_then(|key| key.span()).or_else(|| item.span());
                let line = span.map_or(line, |span| source.line(Some(span)));
                let expected = match nearest(name, section.keys.iter().map(|key| key.name)) {
                    Some(near) => format!("a key of {} (did you mean {near}?)", section.header()),
                    None => format!("a key of {}", section.header()),
                };
                self.fault(
                    source,
                    line,
                    &format!("{path}.{name}"),
                    Fault::Unknown,
                    expected,
                    "an unknown key".into(),
                );
            }
        }
        let entries = self.entries(source, line, section, &path, table);
        self.blocks.push(Block { section, file: source.file.clone(), line, entries });
    }

    fn entries(
        &mut self,
        source: &Source,
        header_line: usize,
        section: &'static Section,
        path: &str,
        table: &dyn TableLike,
    ) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(section.keys.len());
        for key in section.keys {
            let key_path = format!("{path}.{}", key.name);
            let Some(item) = table.get(key.name) else {
                match key.presence {
                    Presence::Default(text) => entries.push(self.default_entry(key.name, key.kind, text)),
                    Presence::Required(_) => {
                        let expected = key.kind.to_string();
                        self.fault(
                            source,
                            header_line,
                            &key_path,
                            Fault::Missing,
                            expected,
                            "nothing".into(),
                        );
                    }
                    Presence::Optional(_) | Presence::Needed(_) => {}
                }
                continue;
            };
            let span = table.key(key.name).and_then(|found| found.span()).or_else(|| item.span());
            let line = span.map_or(header_line, |span| source.line(Some(span)));
            match value::check(key, item) {
                Ok(value) => {
                    let value = self.join(key.kind, value);
                    entries.push(Entry {
                        name: key.name,
                        value,
                        origin: Origin::Line(source.file.clone(), line),
                    });
                }
                Err(wrong) => self.fault(source, line, &key_path, wrong.fault, wrong.expected, wrong.got),
            }
        }
        entries
    }

    fn default_entry(&self, name: &'static str, kind: Kind, text: &str) -> Entry {
        Entry { name, value: self.join(kind, default_value(text)), origin: Origin::Default }
    }

    fn join(&self, kind: Kind, value: Json) -> Json {
        match (kind, value.as_str()) {
            (Kind::Path, Some(path)) => Json::from(self.base.join(path).to_string_lossy().into_owned()),
            _ => value,
        }
    }

    fn absent_sections(&mut self, file: &Path) {
        let faulty: Vec<String> = self.errors.iter().map(|error| error.key.clone()).collect();
        for section in SECTIONS {
            let named = |key: &String| key == section.name || key.starts_with(&format!("{}[", section.name));
            if self.blocks.iter().any(|block| block.section.name == section.name) || faulty.iter().any(named)
            {
                continue;
            }
            let why = match section.shape {
                Shape::One => {
                    let entries = section.keys.iter().filter_map(|key| match key.presence {
                        Presence::Default(text) => Some(self.default_entry(key.name, key.kind, text)),
                        _ => None,
                    });
                    let entries = entries.collect();
                    self.blocks.push(Block { section, file: file.to_path_buf(), line: 0, entries });
                    continue;
                }
                Shape::OneRequired(why) => why,
                Shape::ManyOrNone(_) => continue,
                Shape::Many(_) => "at least one is needed",
            };
            self.errors.push(ConfigError {
                file: file.to_path_buf(),
                line: 1,
                key: section.name.into(),
                fault: Fault::Missing,
                expected: format!("a section {} ({why})", section.header()),
                got: "none".into(),
            });
        }
    }

    fn fault(
        &mut self,
        source: &Source,
        line: usize,
        key: &str,
        fault: Fault,
        expected: String,
        got: String,
    ) {
        if self.errors.len() < FAULTS_MAX {
            self.errors.push(ConfigError {
                file: source.file.clone(),
                line,
                key: key.into(),
                fault,
                expected,
                got,
            });
        }
    }

    /// The whole as one JSON object, in the shape of `typed::Config`.
    pub(super) fn json(&self) -> Json {
        let mut root = Map::new();
        for section in SECTIONS.iter().filter(|section| matches!(section.shape, Shape::ManyOrNone(_))) {
            root.insert(section.name.into(), Json::Array(Vec::new()));
        }
        for block in &self.blocks {
            let fields = block.entries.iter().map(|entry| (entry.name.to_string(), entry.value.clone()));
            let table = Json::Object(fields.collect());
            match block.section.shape {
                Shape::Many(_) | Shape::ManyOrNone(_) => {
                    let list = root.entry(block.section.name).or_insert_with(|| Json::Array(Vec::new()));
                    if let Json::Array(list) = list {
                        list.push(table);
                    }
                }
                Shape::One | Shape::OneRequired(_) => {
                    root.insert(block.section.name.into(), table);
                }
            }
        }
        Json::Object(root)
    }
}

type Spanned<'a> = (&'a dyn TableLike, Option<std::ops::Range<usize>>);

fn tables_of<'a>(section: &Section, item: &'a Item) -> Vec<Spanned<'a>> {
    match (section.shape, item) {
        (Shape::Many(_) | Shape::ManyOrNone(_), Item::ArrayOfTables(tables)) => {
            tables.iter().map(|table| (table as &dyn TableLike, table.span())).collect()
        }
        (Shape::Many(_) | Shape::ManyOrNone(_), Item::Value(toml_edit::Value::Array(array))) => {
            let inline =
                array.iter().map(|value| value.as_inline_table().map(|t| (t as &dyn TableLike, t.span())));
            inline.collect::<Option<Vec<_>>>().unwrap_or_default()
        }
        (Shape::One | Shape::OneRequired(_), item) => {
            item.as_table_like().map(|table| vec![(table, item.span())]).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}
