//! What an update does with the state of an instance: decided on version *and* fingerprint, never on one alone.
//!
//! Pure: values in, a decision out.

use semver::Version;

use super::shape::{Shape, StructShape};
use super::step::VersionInfo;
use crate::event::PlanKind;

/// How the state of an instance gets into the new code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Same version, same shape: as it is.
    HandOver,
    /// Same version, other shape: an edit without a bump.
    Structural,
    /// An older version that the new code's chain knows.
    Chain {
        /// The state is an unreleased variant of that version: it is reconciled with the chain's entry first.
        reconcile_first: bool,
    },
    /// A newer version than the new code's; the outgoing code can step it down.
    Down {
        /// The new code's shape is not the one that the outgoing code knows of that version.
        reconcile_after: bool,
    },
    /// There is no way that loses nothing.
    Refuse(Reason),
}

/// Why an update is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No chain leads from the running version to the new one.
    NoChain {
        /// The oldest version of the new code's chain that is newer than the state: where a hop would lead.
        next: String,
    },
    /// The new code is older, and the running code has never heard of that version.
    Newer,
    /// The new code is older, and a hop in between has no way back.
    OneWay {
        /// The version that the hop leads on from.
        hop: String,
    },
    /// A versioned type inside of the state has no way to its other version.
    Nested(Box<Stuck>),
    /// A version is no semantic version.
    InvalidVersion {
        /// The text.
        version: String,
    },
}

/// A versioned type inside of a state that cannot get to its other version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Where it is first: `items[]`.
    pub path: String,
    /// What it is called.
    pub name: String,
    /// The version that it has in the running state.
    pub from: String,
    /// The version that it has in the new code.
    pub to: String,
    /// The line to write on the type, if the new code knows no chain.
    pub line: String,
    /// Why it cannot get there.
    pub why: Reason,
}

impl Decision {
    /// The name of the plan in events; none for a refusal.
    #[must_use]
    pub fn kind(&self) -> Option<PlanKind> {
        match self {
            Self::HandOver => Some(PlanKind::HandOver),
            Self::Structural => Some(PlanKind::Structural),
            Self::Chain { .. } => Some(PlanKind::Chain),
            Self::Down { .. } => Some(PlanKind::Down),
            Self::Refuse(_) => None,
        }
    }
}

/// Decides how a state of `version` and `fingerprint` gets into code that knows the versions of `new`, its own first.
/// `outgoing` is the same of the code that runs.
#[must_use]
pub fn decide(version: &str, fingerprint: u64, new: &[VersionInfo], outgoing: &[VersionInfo]) -> Decision {
    let Some(head) = new.first() else {
        return Decision::Refuse(Reason::InvalidVersion { version: String::new() });
    };
    let (running, target) = match (parse(version), parse(&head.version)) {
        (Ok(running), Ok(target)) => (running, target),
        (Err(reason), _) | (_, Err(reason)) => return Decision::Refuse(reason),
    };
    match running.cmp_precedence(&target) {
        std::cmp::Ordering::Equal if head.fingerprint == fingerprint => Decision::HandOver,
        std::cmp::Ordering::Equal => Decision::Structural,
        std::cmp::Ordering::Less => match find(new, version) {
            Some(entry) => Decision::Chain { reconcile_first: entry.fingerprint != fingerprint },
            None => {
                let newer = |info: &&VersionInfo| parse(&info.version).is_ok_and(|version| version > running);
                let next = new.iter().rev().find(newer).unwrap_or(head).version.clone();
                Decision::Refuse(Reason::NoChain { next })
            }
        },
        std::cmp::Ordering::Greater => match find(outgoing, &head.version) {
            None => Decision::Refuse(Reason::Newer),
            Some(entry) => match one_way(outgoing, &head.version) {
                Some(hop) => Decision::Refuse(Reason::OneWay { hop: hop.to_owned() }),
                None => Decision::Down { reconcile_after: entry.fingerprint != head.fingerprint },
            },
        },
    }
}

/// The entry of that version.
#[must_use]
pub fn find<'a>(versions: &'a [VersionInfo], version: &str) -> Option<&'a VersionInfo> {
    versions.iter().find(|info| info.version == version)
}

/// The hops that lead from `version` to the head, oldest first.
#[must_use]
pub fn hops<'a>(versions: &'a [VersionInfo], version: &str) -> Vec<&'a VersionInfo> {
    let Some(at) = versions.iter().position(|info| info.version == version) else { return Vec::new() };
    versions[1..=at].iter().rev().collect()
}

/// The line to write so that a state of `old` gets to `new`: what is missing, as `#[migrate]` says it.
#[must_use]
pub fn suggest(from: &str, old: &Shape, new: &Shape) -> String {
    let mut operations = Vec::new();
    if let (Shape::Struct(old), Shape::Struct(new)) = (old, new) {
        operations = differences(old, new);
    }
    let mut line = format!("#[migrate(from = \"{from}\"");
    for operation in operations {
        line.push_str(", ");
        line.push_str(&operation);
    }
    line.push_str(")]");
    line
}

fn differences(old: &StructShape, new: &StructShape) -> Vec<String> {
    let mut operations = Vec::new();
    let gone: Vec<_> = old.fields.iter().filter(|field| new.field(&field.name).is_none()).collect();
    let come: Vec<_> = new.fields.iter().filter(|field| old.field(&field.name).is_none()).collect();
    for field in &new.fields {
        if let Some(before) = old.field(&field.name).filter(|before| !before.matches(&field.shape)) {
            operations.push(format!("change({}: {before})", field.name));
        }
    }
    // One gone and one come with the same type may well be a rename; more than that would be a guess.
    if let ([gone], [come]) = (&gone[..], &come[..])
        && gone.shape.matches(&come.shape)
    {
        operations.push(format!("rename({} => {})", gone.name, come.name));
        return operations;
    }
    operations.extend(gone.iter().map(|field| format!("remove({}: {})", field.name, field.shape)));
    operations.extend(come.iter().map(|field| format!("add({} = ..)", field.name)));
    operations
}

fn parse(version: &str) -> Result<Version, Reason> {
    Version::parse(version).map_err(|_| Reason::InvalidVersion { version: version.to_owned() })
}

/// The first hop between the head and `version` that cannot be stepped down.
pub(super) fn one_way<'a>(versions: &'a [VersionInfo], version: &str) -> Option<&'a str> {
    let hops = hops(versions, version);
    let stuck = hops.into_iter().rev().find(|info| !info.hop.as_ref().is_some_and(|hop| hop.reversible));
    stuck.map(|info| info.version.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::shape::FieldShape;
    use super::super::step::{Class, HopInfo};
    use super::*;

    fn versions(list: &[(&str, u64)]) -> Vec<VersionInfo> {
        let info = |(index, (version, fingerprint)): (usize, &(&str, u64))| VersionInfo {
            version: (*version).to_owned(),
            fingerprint: *fingerprint,
            shape: Shape::Unit,
            hop: (index > 0).then(|| HopInfo {
                operations: Vec::new(),
                reversible: true,
                class: Class::Lossless,
            }),
            shortcuts: Vec::new(),
        };
        list.iter().enumerate().map(info).collect()
    }

    #[test]
    fn same_version_and_shape_is_handed_over() {
        assert_eq!(decide("1.0.0", 7, &versions(&[("1.0.0", 7)]), &[]), Decision::HandOver);
    }

    #[test]
    fn an_edit_without_a_bump_is_structural() {
        assert_eq!(decide("1.0.0", 7, &versions(&[("1.0.0", 8)]), &[]), Decision::Structural);
    }

    #[test]
    fn an_older_version_goes_through_the_chain() {
        let new = versions(&[("1.0.0", 8), ("0.9.0", 7), ("0.8.0", 6)]);
        assert_eq!(decide("0.8.0", 6, &new, &[]), Decision::Chain { reconcile_first: false });
    }

    #[test]
    fn an_unreleased_variant_meets_the_chain_at_its_entry() {
        let new = versions(&[("1.0.0", 8), ("0.9.0", 7)]);
        assert_eq!(decide("0.9.0", 99, &new, &[]), Decision::Chain { reconcile_first: true });
    }

    #[test]
    fn a_version_that_no_hop_leads_from_is_refused() {
        let new = versions(&[("2.0.0", 8), ("1.5.0", 7)]);
        let no_chain = |next: &str| Decision::Refuse(Reason::NoChain { next: next.to_owned() });
        assert_eq!(decide("1.0.0", 7, &new, &[]), no_chain("1.5.0"));
        assert_eq!(decide("1.7.0", 7, &new, &[]), no_chain("2.0.0"));
    }

    #[test]
    fn the_outgoing_code_steps_its_state_down() {
        let outgoing = versions(&[("1.0.0", 8), ("0.9.0", 7)]);
        let down = |reconcile_after| Decision::Down { reconcile_after };
        assert_eq!(decide("1.0.0", 8, &versions(&[("0.9.0", 7)]), &outgoing), down(false));
        assert_eq!(decide("1.0.0", 8, &versions(&[("0.9.0", 6)]), &outgoing), down(true));
    }

    #[test]
    fn a_hop_without_a_way_back_is_refused_by_its_version() {
        let mut outgoing = versions(&[("1.2.0", 9), ("1.1.0", 8), ("1.0.0", 7)]);
        if let Some(hop) = &mut outgoing[2].hop {
            hop.reversible = false;
        }
        let reason = Reason::OneWay { hop: "1.0.0".to_owned() };
        assert_eq!(decide("1.2.0", 9, &versions(&[("1.0.0", 7)]), &outgoing), Decision::Refuse(reason));
        let down = Decision::Down { reconcile_after: false };
        assert_eq!(decide("1.2.0", 9, &versions(&[("1.1.0", 8)]), &outgoing), down);
    }

    #[test]
    fn state_that_is_newer_than_all_code_is_refused() {
        let outgoing = versions(&[("2.0.0", 8)]);
        assert_eq!(
            decide("2.0.0", 8, &versions(&[("1.0.0", 7)]), &outgoing),
            Decision::Refuse(Reason::Newer)
        );
    }

    #[test]
    fn versions_are_ordered_as_semver_orders_them() {
        let new = versions(&[("1.0.0", 8), ("1.0.0-rc.2", 7)]);
        assert_eq!(decide("1.0.0-rc.2", 7, &new, &[]), Decision::Chain { reconcile_first: false });
        assert_eq!(decide("1.10.0", 7, &versions(&[("1.9.0", 8)]), &[]), Decision::Refuse(Reason::Newer));
    }

    fn shape(fields: &[(&str, Shape)]) -> Shape {
        let fields =
            fields.iter().map(|(name, shape)| FieldShape { name: (*name).to_owned(), shape: shape.clone() });
        Shape::Struct(StructShape {
            name: "S".to_owned(),
            version: None,
            fields: fields.collect(),
            default: None,
        })
    }

    #[test]
    fn the_suggested_line_names_what_differs() {
        let int = |bits| Shape::Int { bits, signed: true };
        let old = shape(&[("n", int(32)), ("title", Shape::String)]);
        let new = shape(&[("n", int(64)), ("first", Shape::String), ("last", Shape::String)]);
        let line = r#"#[migrate(from = "1.0.0", change(n: i32), remove(title: String), add(first = ..), add(last = ..))]"#;
        assert_eq!(suggest("1.0.0", &old, &new), line);
        let renamed = shape(&[("n", int(32)), ("name", Shape::String)]);
        assert_eq!(suggest("1.0.0", &old, &renamed), r#"#[migrate(from = "1.0.0", rename(title => name))]"#);
    }
}
