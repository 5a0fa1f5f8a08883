//! The program around the widgets.
//!
//! The one for plain cargo prints the answers and ends. The others stay: they connect to a socket, read which text is
//! waited for, ask the widgets every millisecond until all of them have it in their answers, and tell. They ask only
//! while somebody waits, so that they take no time from the other candidates.

use std::fmt::Write as _;

use super::{Flavour, Project, Surroundings};

pub(super) fn source(project: &Project, surroundings: &Surroundings<'_>) -> String {
    let mut source = "//! Written by `cargo xtask bench`.\n\n".to_owned();
    match project.flavour {
        Flavour::Plain => plain(&mut source, project),
        Flavour::HotLib { debounce_ms } => hot_lib(&mut source, project, surroundings, debounce_ms),
        Flavour::Dx => dx(&mut source, project, surroundings),
        Flavour::Shrine => {}
    }
    source
}

fn plain(source: &mut String, project: &Project) {
    if project.is_one_file() {
        *source += "mod widget;\n\nfn main() {\n    let mut widget = widget::Widget::default();\n    \
            widget.add(1);\n    println!(\"{}\", widget.view());\n";
        if project.scenario.heavy {
            *source += "    if let Some(address) = std::env::args().nth(1) {\n        widget.fetch(address);\n    }\n";
        }
        *source += "}\n";
        return;
    }
    *source += "fn main() {\n";
    let answering = project.answering();
    for widget in project.widgets() {
        let _ = write!(source, "    let mut widget = {widget}::Widget::default();\n    widget.add(1);\n");
        // All are linked, and those that change are shown.
        let macro_name = if answering.contains(&widget) { "println" } else { "eprintln" };
        let _ = writeln!(source, "    {macro_name}!(\"{{}}\", widget.view());");
    }
    *source += "}\n";
}

fn hot_lib(source: &mut String, project: &Project, surroundings: &Surroundings<'_>, debounce_ms: u32) {
    for (name, widget) in project.scenario.widgets().iter().zip(project.widgets()) {
        let _ = write!(
            source,
            "#[hot_lib_reloader::hot_module(dylib = {widget:?}, lib_dir = {:?}, file_watch_debounce = {debounce_ms})]\n\
             mod {widget}_hot {{\n    pub use {widget}::Widget;\n    \
             hot_functions_from_file!(\"widgets/{name}/src/lib.rs\");\n}}\n\n",
            surroundings.target.join("debug")
        );
    }
    let widgets = project.widgets();
    *source += "struct State {\n";
    for widget in &widgets {
        let _ = writeln!(source, "    {widget}: {widget}_hot::Widget,");
    }
    *source += "}\n\nfn main() -> std::io::Result<()> {\n    let state = State {\n";
    for widget in &widgets {
        let _ = writeln!(source, "        {widget}: Default::default(),");
    }
    *source += "    };\n    serve(|| {\n        vec![\n";
    // Of the others only the loading counts; their functions are there all the same.
    let answering = project.answering();
    for widget in widgets.iter().filter(|widget| answering.contains(widget)) {
        let _ = writeln!(source, "            {widget}_hot::{widget}_view(&state.{widget}),");
    }
    *source += "        ]\n    })\n}\n\n";
    *source += &serve(surroundings);
}

fn dx(source: &mut String, project: &Project, surroundings: &Surroundings<'_>) {
    // What is patched is a function: neither a closure that borrows nor a static of this crate is found in a patch.
    *source += "mod widget;\n\nfn view(widget: &'static widget::Widget) -> String {\n    widget.view()\n}\n\n\
        fn main() -> std::io::Result<()> {\n    dioxus_devtools::connect_subsecond();\n    \
        let mut widget = widget::Widget::default();\n    widget.add(1);\n";
    if project.scenario.heavy {
        *source +=
            "    if let Some(address) = std::env::args().nth(1) {\n        widget.fetch(address);\n    }\n";
    }
    *source += "    let widget: &'static widget::Widget = Box::leak(Box::new(widget));\n    \
        serve(|| vec![dioxus_devtools::subsecond::HotFn::current(view).call((widget,))])\n}\n\n";
    *source += &serve(surroundings);
}

fn serve(surroundings: &Surroundings<'_>) -> String {
    format!(
        r"fn serve(answers: impl Fn() -> Vec<String>) -> std::io::Result<()> {{
    use std::io::{{BufRead, BufReader, Write}};
    let mut stream = std::os::unix::net::UnixStream::connect({:?})?;
    for wanted in BufReader::new(stream.try_clone()?).lines() {{
        let wanted = wanted?;
        loop {{
            let answers = answers();
            if answers.iter().all(|answer| answer.contains(&wanted)) {{
                writeln!(stream, {{answers:?}})?;
                break;
            }}
            std::thread::sleep(std::time::Duration::from_millis(1));
        }}
    }}
    Ok(())
}}
",
        surroundings.socket
    )
    .replace("{answers:?}", "\"{answers:?}\"")
}
