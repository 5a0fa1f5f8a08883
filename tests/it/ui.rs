//! What the macros say about mistakes, and that they have nothing to say about what is right.

/// One mistake a file; the files lie in folders by topic.
#[test]
fn mistakes_are_named_where_they_are() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    for topic in [
        "behaviour",
        "fixture",
        "manual",
        "migrate",
        "ports",
        "shortcuts",
        "state",
        "transform",
        "variants",
        "widget",
        "workers",
    ] {
        cases.compile_fail(format!("ui/{topic}/*.rs"));
    }
}
