use super::*;
use crate::build::Project;
use crate::build::dylib::{Sharing, Trial};

fn sharing(crates: &Crates, worth: u64) -> Sharing {
    let project = Project {
        target_directory: crates.directory.path().to_owned(),
        library_directory: crates.standard.clone(),
        ..Project::default()
    };
    let mut sharing = Sharing::new(&project, false);
    sharing.shelf.as_mut().unwrap().worth = worth;
    sharing
}

/// Shares, with this outcome of every trial; answers with whether something is known now, and who was tried.
fn share(sharing: &mut Sharing, units: &[&Unit], trial: &Trial, cancel: &Cancel) -> (bool, Vec<String>) {
    let tips: Vec<_> = units.iter().map(|unit| tip(unit)).collect();
    let mut tried = Vec::new();
    let is_new = sharing.share(&tips, &names(&["shrine"]), cancel, &mut |unit, _| {
        tried.push(unit.key.clone());
        trial.clone()
    });
    (is_new, tried)
}

fn go(sharing: &mut Sharing, units: &[&Unit], trial: &Trial) -> (bool, Vec<String>) {
    share(sharing, units, trial, &Cancel::default())
}

fn one() -> (Crates, Unit) {
    let crates = Crates::new();
    crates.compile("one", "rlib", "pub fn one() {}", &[]);
    let unit = crates.tip("", &["one"]);
    (crates, unit)
}

#[test]
fn a_crate_is_shared_once_that_was_tried() {
    let (crates, unit) = one();
    let mut sharing = sharing(&crates, 0);
    assert_eq!(sharing.link("tip-1"), Err(Plain::NotYet));
    assert_eq!(go(&mut sharing, &[&unit], &Trial::Open), (false, vec!["tip-1".to_owned()]));
    assert_eq!(sharing.link("tip-1"), Err(Plain::NotYet));
    assert_eq!(go(&mut sharing, &[&unit], &Trial::Good).1.len(), 1);
    assert!(sharing.link("tip-1").is_ok());
    assert_eq!(go(&mut sharing, &[&unit], &Trial::Good), (false, Vec::new()));
    // What was tried is still known after a build by cargo.
    sharing.forget();
    assert_eq!(sharing.link("tip-1"), Err(Plain::NotYet));
    assert_eq!(go(&mut sharing, &[&unit], &Trial::Good), (true, Vec::new()));
    // What is gone is made again.
    fs::remove_dir_all(crates.path("shrine-deps")).unwrap();
    assert_eq!(sharing.link("tip-1"), Err(Plain::NotYet));
    assert!(go(&mut sharing, &[&unit], &Trial::Good).0);
    assert!(sharing.link("tip-1").is_ok());
}

#[test]
fn what_could_not_be_linked_is_not_tried_again_until_cargo_was_asked() {
    let (crates, unit) = one();
    let mut sharing = sharing(&crates, 0);
    let trial = Trial::Bad("undefined symbol: crc32".to_owned());
    assert!(go(&mut sharing, &[&unit], &trial).0);
    let refused = Err(Plain::Unlinked { what: "undefined symbol: crc32".to_owned() });
    assert_eq!(sharing.link("tip-1").cloned(), refused);
    assert_eq!(go(&mut sharing, &[&unit], &Trial::Good), (false, Vec::new()));
    sharing.forget();
    assert!(go(&mut sharing, &[&unit], &Trial::Good).0);
    assert!(sharing.link("tip-1").is_ok());
    sharing.refuse("tip-1", "undefined symbol: crc32".to_owned());
    assert_eq!(sharing.link("tip-1").cloned(), refused);
}

#[test]
fn an_edited_shrine_gets_a_facade_of_its_own() {
    let (crates, unit) = one();
    let mut sharing = sharing(&crates, 0);
    go(&mut sharing, &[&unit], &Trial::Good);
    crates.compile(
        "shrine",
        "rlib",
        "pub mod prelude { pub fn id() -> i64 { 41 } }",
        &["-C", "extra-filename=-2"],
    );
    let mut moved = tip(&unit);
    moved.shrine = Some(crates.path("libshrine-2.rlib"));
    let mut tried = 0;
    let mut attempt = |_: &Unit, linked: &Linked| {
        tried += 1;
        assert_eq!(linked.shrine, crates.path("libshrine-2.rlib"));
        Trial::Good
    };
    assert!(sharing.share(&[moved], &names(&["shrine"]), &Cancel::default(), &mut attempt));
    assert_eq!(tried, 1);
    // A call that is against the old one is not linked to it.
    let linked = sharing.link("tip-1").unwrap();
    assert_eq!(linked.arguments(&unit.call.arguments, &unit.call.directory), None);
}

#[test]
fn crates_that_do_not_go_together_are_shared_apart() {
    let (crates, first) = one();
    crates.compile("bad", "rlib", "pub fn bad() {}", &[]);
    let mut second = crates.tip("", &["bad"]);
    second.key = "other-1".to_owned();
    fs::write(crates.path("libbad-1.rlib"), "no library").unwrap();
    let mut sharing = sharing(&crates, 0);
    assert_eq!(go(&mut sharing, &[&first, &second], &Trial::Good).1, ["tip-1"]);
    assert!(sharing.link("tip-1").is_ok());
    assert!(matches!(sharing.link("other-1"), Err(Plain::Unmade { .. })));
}

#[test]
fn there_is_no_trial_of_what_is_not_shared() {
    let (crates, unit) = one();
    let alone = crates.tip("", &[]);
    let mut small = sharing(&crates, u64::MAX);
    assert_eq!(go(&mut small, &[&unit], &Trial::Good), (true, Vec::new()));
    assert_eq!(small.link("tip-1"), Err(Plain::Small));
    let mut sharing = sharing(&crates, 0);
    assert_eq!(go(&mut sharing, &[&alone], &Trial::Good), (true, Vec::new()));
    assert_eq!(sharing.link("tip-1"), Err(Plain::Nothing));
    let mut off = Sharing::new(&Project::default(), true);
    assert_eq!(go(&mut off, &[&unit], &Trial::Good), (false, Vec::new()));
    assert_eq!(off.link("tip-1"), Err(Plain::Off));
}

#[test]
fn a_newer_build_ends_it() {
    let (crates, unit) = one();
    let mut sharing = sharing(&crates, 0);
    let cancel = Cancel::default();
    cancel.cancel();
    assert_eq!(share(&mut sharing, &[&unit], &Trial::Good, &cancel), (false, Vec::new()));
    assert_eq!(sharing.link("tip-1"), Err(Plain::NotYet));
}
