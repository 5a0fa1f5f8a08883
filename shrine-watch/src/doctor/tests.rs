//! Runs the cases in `cases/`: each changes something of a machine on which all is well, and says what is found then.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;

#[derive(Deserialize)]
struct Case {
    /// What is different from `healthy.json`, object by object.
    change: Value,
    findings: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    severity: Severity,
    kind: Kind,
    /// What has to be in it, in this order.
    says: Vec<String>,
}

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor").join(name);
    serde_json::from_slice(&fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn where_all_is_well_nothing_is_found() {
    let facts: Facts = serde_json::from_value(read("healthy.json")).unwrap();
    assert_eq!(facts.findings(), []);
    assert_eq!(facts.summary().len(), 5, "{:#?}", facts.summary());
    assert_eq!(serde_json::to_value(&facts).unwrap(), read("healthy.json"), "all facts are in the file");
}

#[test]
fn every_case_finds_what_it_says() {
    let mut count = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor/cases")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let case: Case = serde_json::from_value(read(&format!("cases/{name}"))).unwrap();
        let mut facts = read("healthy.json");
        merge(&mut facts, case.change);
        let facts: Facts = serde_json::from_value(facts).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = facts.findings();
        assert_eq!(found.len(), case.findings.len(), "{name}: {found:#?}");
        for (found, expected) in found.iter().zip(&case.findings) {
            let text = found.to_string();
            assert_eq!((found.severity, found.kind), (expected.severity, expected.kind), "{name}: {text}");
            let mut rest = text.as_str();
            for part in &expected.says {
                let at = rest.find(part).unwrap_or_else(|| panic!("{name}: no `{part}` in {text}"));
                rest = &rest[at + part.len()..];
            }
            assert!(!found.why.is_empty(), "{name}: it says why");
            assert!(!found.help.is_empty() || found.kind == Kind::Scene, "{name}: it says what to do");
        }
        count += 1;
    }
    assert!(count > 0, "there are no cases");
}

fn merge(base: &mut Value, change: Value) {
    match (base, change) {
        // Of an enum one variant takes the place of another.
        (Value::Object(base), Value::Object(change))
            if !(base.len() == 1 && change.len() == 1 && base.keys().ne(change.keys())) =>
        {
            for (key, value) in change {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, change) => *base = change,
    }
}
