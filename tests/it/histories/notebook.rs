//! The Jupyter notebook, format 3 to 4, as <https://nbformat.readthedocs.io> describes both.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use shrine::fixtures::Laws;
use shrine::prelude::*;
use shrine::state::codec::Encoder;
use shrine::state::convert::ConvertFrom as _;
use shrine::state::from_bytes;
use shrine::state::step::{Chain, Step, StepContext};

use super::document;

#[state(version = "4")]
#[migrate(from = "3", change(metadata: MetadataV3), remove(worksheets: Vec<Worksheet>), add(cells), manual)]
#[derive(Debug, Clone, Default, PartialEq)]
struct Notebook {
    metadata: Metadata,
    cells: Vec<Cell>,
}

#[state(version = "4")]
#[migrate(
    from = "3",
    remove(name: Option<String>, signature: Option<String>),
    add(orig_nbformat = Some(3), orig_nbformat_minor = Some(0))
)]
#[derive(Debug, Clone, Default, PartialEq)]
struct Metadata {
    orig_nbformat: Option<u32>,
    orig_nbformat_minor: Option<u32>,
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Worksheet {
    cells: Vec<CellV3>,
    metadata: Empty,
}

#[state(version = "4")]
#[migrate(
    from = "3",
    remove(
        Heading { level: u8, source: String, metadata: CellMetadata },
        up = |old| Cell::Markdown { source: hashes(old.level, &old.source), metadata: old.metadata }
    ),
    change(
        Code {
            input: String,
            language: String,
            prompt_number: Option<u32>,
            outputs: Vec<OutputV3>,
            collapsed: Option<bool>,
            metadata: CellMetadata
        },
        try_up = code,
        down = old_code
    )
)]
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Code { source: String, execution_count: Option<u32>, outputs: Vec<Output>, metadata: CellMetadata },
    Markdown { source: String, metadata: CellMetadata },
    Raw { source: String, metadata: CellMetadata },
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct CellMetadata {
    collapsed: Option<bool>,
}

#[state(version = "4")]
#[migrate(
    from = "3",
    remove(
        Pyout { prompt_number: Option<u32>, text: Option<String>, png: Option<String>, metadata: Empty },
        up = |old| Output::ExecuteResult {
            execution_count: old.prompt_number,
            data: data(old.text, old.png),
            metadata: old.metadata
        },
        Pyerr { ename: String, evalue: String, traceback: Vec<String> },
        up = |old| Output::Error { ename: old.ename, evalue: old.evalue, traceback: old.traceback }
    ),
    add(
        ExecuteResult,
        down = |mut new| OutputV3::Pyout {
            prompt_number: new.execution_count,
            text: new.data.remove("text/plain"),
            png: new.data.remove("image/png"),
            metadata: new.metadata
        },
        Error,
        down = |new| OutputV3::Pyerr { ename: new.ename, evalue: new.evalue, traceback: new.traceback }
    ),
    change(
        DisplayData { text: Option<String>, png: Option<String>, metadata: Empty },
        up = |old| Output::DisplayData { data: data(old.text, old.png), metadata: old.metadata },
        down = old_display_data,
        Stream { stream: String, text: String },
        up = |old| Output::Stream { name: old.stream, text: old.text },
        down = |new| OutputV3::Stream { stream: new.name, text: new.text }
    )
)]
#[derive(Debug, Clone, PartialEq)]
enum Output {
    ExecuteResult { execution_count: Option<u32>, data: BTreeMap<String, String>, metadata: Empty },
    DisplayData { data: BTreeMap<String, String>, metadata: Empty },
    Stream { name: String, text: String },
    Error { ename: String, evalue: String, traceback: Vec<String> },
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Empty {}

impl Step<NotebookV3> for Notebook {
    fn step(old: NotebookV3, context: &mut StepContext) -> Result<Self, MigrateError> {
        let cells: Vec<CellV3> = old.worksheets.into_iter().flat_map(|sheet| sheet.cells).collect();
        Ok(Self {
            metadata: context.within("metadata", |context| Metadata::step(old.metadata, context))?,
            cells: context.within("cells", |context| Vec::convert(cells, context))?,
        })
    }

    fn step_down(self, context: &mut StepContext) -> Result<NotebookV3, MigrateError> {
        let cells: Vec<CellV3> = context.within("cells", |context| self.cells.revert(context))?;
        let cells = cells.into_iter().map(heading).collect();
        Ok(NotebookV3 {
            metadata: context.within("metadata", |context| self.metadata.step_down(context))?,
            worksheets: vec![Worksheet { cells, metadata: Empty {} }],
        })
    }
}

/// A heading of one line.
fn hashes(level: u8, text: &str) -> String {
    let line = text.lines().collect::<Vec<_>>().join(" ");
    format!("{} {line}", "#".repeat(level.into()))
}

/// Format 3 has cells for headings.
fn heading(cell: CellV3) -> CellV3 {
    let CellV3::Markdown { source, metadata } = &cell else { return cell };
    let text = source.trim_start_matches('#');
    match u8::try_from(source.len() - text.len()) {
        Ok(level @ 1..) if !source.contains('\n') => {
            CellV3::Heading { level, source: text.trim_start().to_owned(), metadata: metadata.clone() }
        }
        _ => cell,
    }
}

fn code(old: CellV3Code) -> Result<Cell, MigrateError> {
    Ok(Cell::Code {
        source: old.input,
        execution_count: old.prompt_number,
        outputs: Vec::convert(old.outputs, &mut StepContext::default())?,
        metadata: CellMetadata { collapsed: old.collapsed.or(old.metadata.collapsed) },
    })
}

fn old_code(new: CellV4Code) -> CellV3 {
    CellV3::Code {
        input: new.source,
        language: "python".to_owned(),
        prompt_number: new.execution_count,
        outputs: new.outputs.revert(&mut StepContext::default()).expect("every output has an older form"),
        collapsed: new.metadata.collapsed,
        metadata: CellMetadata::default(),
    }
}

fn old_display_data(mut new: OutputV4DisplayData) -> OutputV3 {
    let (text, png) = (new.data.remove("text/plain"), new.data.remove("image/png"));
    OutputV3::DisplayData { text, png, metadata: new.metadata }
}

fn data(text: Option<String>, png: Option<String>) -> BTreeMap<String, String> {
    let kinds = [("text/plain", text), ("image/png", png)];
    kinds.into_iter().filter_map(|(kind, data)| Some((kind.to_owned(), data?))).collect()
}

/// A notebook without the number of its format, which is its version.
fn notebook(text: &str) -> Json {
    let mut notebook: Json = serde_json::from_str(text).unwrap();
    let fields = notebook.as_object_mut().unwrap();
    fields.remove("nbformat");
    fields.remove("nbformat_minor");
    notebook
}

#[test]
fn a_notebook_of_format_3_becomes_one_of_format_4() {
    let old: NotebookV3 = document::read(&notebook(include_str!("data/notebook-3.json")));
    let new: Notebook = document::read(&notebook(include_str!("data/notebook-4.json")));
    let migrated = shrine::migrate_from::<Notebook, _>(old).unwrap();
    assert_eq!(document::show(&migrated.state), document::show(&new));
    assert_eq!(migrated.state, new);
}

#[test]
fn a_notebook_of_format_4_goes_down_to_one_worksheet() {
    let old: NotebookV3 = document::read(&notebook(include_str!("data/notebook-3.json")));
    let new: Notebook = document::read(&notebook(include_str!("data/notebook-4.json")));
    let mut out = Encoder::new();
    new.store("3", &mut out, &mut StepContext::default()).unwrap();
    let down: NotebookV3 = from_bytes(&out.finish().unwrap()).unwrap();
    let mut cells: Vec<_> = old.worksheets.into_iter().flat_map(|sheet| sheet.cells).collect();
    let CellV3::Heading { source, .. } = &mut cells[0] else { panic!("the first cell is a heading") };
    *source = source.replace('\n', " ");
    assert_eq!(down.worksheets, [Worksheet { cells, metadata: Empty {} }]);
}

#[test]
fn notebooks_keep_the_laws() {
    // Format 4 knows neither worksheets nor the language of a cell; format 3 knows fewer kinds of data, and `#` without a
    // word is a heading there. nbformat itself loses the same.
    let lost = ["worksheets", "cells[].Code.outputs", "cells[].Markdown.source"];
    let report = Laws::<Notebook>::new().may_lose(&lost).check();
    assert!(report.is_kept(), "{report}");
}
