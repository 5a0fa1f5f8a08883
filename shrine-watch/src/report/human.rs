//! Lines for people: the time, a verb in a column of its own, and what it is about.
//!
//! Nothing is ever cleared but a line about progress, and that only on a terminal.

mod words;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Instant;

use shrine::event::{
    BuildSummary, ChangeDecision, ConnectionPlan, ConnectionSummary, Event, FieldReport, HistorySummary,
    InstanceInfo, InstancePlan, InstanceSummary, LinkSummary, PROBATION, Refusal, RollBack, TransformSummary,
    Update, UpdatePlan, WidgetSummary, WidgetUpdate,
};
use shrine::registry::{Mode, Recorded};

use crate::session::command;
use words::{count, duration, phases, plain, time};

/// How lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// With colours.
    pub colour: bool,
    /// Whether a line may be written over: on a terminal.
    pub live: bool,
    /// Only failures and answers.
    pub quiet: bool,
    /// With the reason for each decision.
    pub why: bool,
}

/// Writes lines for people. Errors of the stream are ignored: there is nobody to tell them to.
#[derive(Debug)]
pub struct Human<W> {
    out: W,
    style: Style,
    start: Instant,
    /// The running generation, and the time of day at which it began.
    running: Option<(u64, String)>,
    /// How many builds or updates failed since it began.
    failures: usize,
    /// Whether something of the newest build failed.
    has_failed: bool,
    /// The warnings of the build before and of this one: what was shown is not shown again.
    before: HashSet<String>,
    warnings: HashSet<String>,
    has_live_line: bool,
}

#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Odd,
    Plain,
}

impl<W: Write> Human<W> {
    /// Writes to `out`.
    pub fn new(out: W, style: Style) -> Self {
        Self {
            out,
            style,
            start: Instant::now(),
            running: None,
            failures: 0,
            has_failed: false,
            before: HashSet::new(),
            warnings: HashSet::new(),
            has_live_line: false,
        }
    }

    /// The first line.
    pub fn banner(&mut self, packages: &[&str], files: usize, has_keys: bool) {
        if self.style.quiet {
            return;
        }
        let keys = if has_keys { "   press h + enter for help" } else { "" };
        let watching =
            if files > 0 { format!("   watching {}", count(files, "file")) } else { String::new() };
        self.raw(&format!(
            "  shrine {}  {}{watching}{keys}\n",
            env!("CARGO_PKG_VERSION"),
            packages.join(", ")
        ));
    }

    /// What the compiler said; a warning only once.
    pub fn show(&mut self, rendered: &str) {
        if plain(rendered).starts_with("warning") {
            self.warnings.insert(rendered.to_owned());
            if self.before.contains(rendered) {
                return;
            }
        }
        let end = if rendered.ends_with('\n') { "" } else { "\n" };
        self.raw(&format!("{rendered}{end}"));
    }

    /// A line about something that is no event.
    pub fn note(&mut self, verb: &str, text: &str) {
        if !self.style.quiet {
            self.line(Tone::Plain, verb, text);
        }
    }

    /// A build begins: what it says is compared with what the one before said.
    pub fn building(&mut self) {
        self.before = std::mem::take(&mut self.warnings);
        self.has_failed = false;
        self.progress("");
    }

    /// What cargo does, in a line that the next one replaces.
    pub fn progress(&mut self, line: &str) {
        if self.style.live && !self.style.quiet {
            let text = format!("{} {:<11} {line}", time(), "building");
            self.raw(&text.chars().take(100).collect::<String>());
            self.has_live_line = true;
        }
    }

    /// Whether it is to be said why each change leads to what it leads to.
    pub(super) fn says_why(&self) -> bool {
        self.style.why
    }

    /// The commands.
    pub fn help(&mut self) {
        self.raw(&command::help());
    }

    /// What happened.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Ready { generation, widgets, instances } => self.ready(*generation, widgets, instances),
            Event::Changed { paths, decision, why } => self.changed(paths, *decision, why),
            Event::Built { packages } => self.built(packages),
            Event::Linking { packages } => self.linking(packages),
            Event::BuildFailed { errors, warnings, packages, .. } => {
                self.build_failed(packages, *errors, *warnings);
            }
            Event::Diagnostic { rendered, .. } => self.show(rendered),
            Event::BuildLoop { reason, help, .. } => {
                let still = self.still_running();
                self.line(Tone::Odd, "looping", &format!("{reason}   {still}"));
                self.hint(help);
            }
            Event::Unchanged { generation } => self.unchanged(*generation),
            Event::Updated(update) => self.updated(update),
            Event::Refused(refusal) => self.refused(refusal),
            Event::RolledBack(roll_back) => self.rolled_back(roll_back),
            Event::Fault { instance, port, reason } => {
                self.line(Tone::Bad, "fault", &format!("{instance}.{port}: {reason}"));
            }
            Event::State { instance, widget, version, value } => {
                let widget = if instance == widget { String::new() } else { format!("{widget} ") };
                self.line(Tone::Plain, "state", &format!("{instance} {widget}{version} {value}"));
            }
            Event::View { instance, value } => self.view(instance, value.as_deref()),
            Event::Instance(info) => self.instance(info),
            Event::History { instance, value } => self.history(instance, value),
            Event::Captured { instance, path } => {
                self.line(Tone::Plain, "captured", &format!("{instance} in {path}"));
            }
            Event::Connections { value } => self.connections(value),
            Event::Parked { source, target, reason, queued } => self.parked(source, target, reason, *queued),
            Event::Deferred { widget, until, .. } => {
                let still = self.still_running();
                self.line(Tone::Odd, "deferred", &format!("{widget} until {until}   {still}"));
                self.hint("`plan` shows what it would do, `accept` applies it now, `decline` forgets it");
            }
            Event::Declined { widget, reason, .. } => {
                let still = self.still_running();
                self.line(Tone::Odd, "declined", &format!("{widget}: {reason}   {still}"));
            }
            Event::Planned(plan) => self.planned(plan),
            Event::Checkpointed { instance, name, index } => {
                self.line(Tone::Plain, "checkpoint", &format!("{instance} {index} is {name}"));
            }
            Event::Transforms { value } => self.transforms(value),
            Event::Watched { instance, port, watched } => {
                let verb = if *watched { "watching" } else { "unwatched" };
                self.line(Tone::Plain, verb, &format!("{instance}.{port}"));
            }
            Event::Events { value } => self.events(value),
            Event::Stuck { instance, call, seconds } => {
                let text =
                    format!("still in `{call}` of `{instance}` after {seconds} s; Ctrl-C twice ends it");
                self.line(Tone::Odd, "stuck", &text);
            }
            Event::Scene { value, .. } => {
                self.line(Tone::Plain, "scene", "");
                self.raw(value);
            }
            Event::SceneApplied { changes, .. } if !self.style.quiet => self.scene(changes),
            Event::Error { command, reason, help } => {
                self.line(Tone::Bad, "error", &format!("{command}: {reason}"));
                self.hint(help.as_deref().unwrap_or_default());
            }
            Event::Exit { .. } => self.end_live_line(),
            event if !self.style.quiet => self.aside(event),
            _ => {}
        }
    }

    /// What is left out when it should be quiet.
    fn aside(&mut self, event: &Event) {
        let (verb, text) = match event {
            Event::Created { instance, widget } => ("created", format!("{instance}, a {widget}")),
            Event::Removed { instance } => ("removed", instance.clone()),
            Event::Connected { source, target } => ("connected", format!("{source} -> {target}")),
            Event::Disconnected { source, target, dropped: 0 } => ("cut", format!("{source} -> {target}")),
            Event::Disconnected { source, target, dropped } => {
                ("cut", format!("{source} -> {target}   {} dropped", count(*dropped, "message")))
            }
            Event::Resumed { source, target, queued } => {
                ("resumed", format!("{}{}", arrow(source, target), with_messages(*queued)))
            }
            Event::Output { instance, port, value } => ("output", format!("{instance}.{port} {value}")),
            other => ("event", serde_json::to_string(other).unwrap_or_default()),
        };
        self.line(Tone::Plain, verb, &text);
    }

    fn ready(&mut self, generation: u64, widgets: &[WidgetSummary], instances: &[InstanceSummary]) {
        let names: Vec<_> =
            widgets.iter().map(|widget| format!("{} {}", widget.id, widget.version)).collect();
        let took = self.start.elapsed().as_micros();
        let took = duration(u64::try_from(took).unwrap_or(u64::MAX));
        let text = format!(
            "{}   {}   generation {generation}   {took}",
            names.join(", "),
            count(instances.len(), "instance")
        );
        self.succeeded("ready", generation, &text);
    }

    fn changed(&mut self, paths: &[String], decision: ChangeDecision, why: &str) {
        if decision == ChangeDecision::Nothing && !self.style.why {
            return;
        }
        if self.style.quiet {
            return;
        }
        let first = paths.first().map_or("", String::as_str);
        let more = if paths.len() > 1 { format!(" +{} more", paths.len() - 1) } else { String::new() };
        let why = if self.style.why { format!("   {why}") } else { String::new() };
        self.line(Tone::Plain, "changed", &format!("{first}{more}{why}"));
    }

    fn built(&mut self, packages: &[BuildSummary]) {
        for BuildSummary { package, way, crates, why, link, .. } in packages {
            let how = match (way.as_str(), why) {
                ("replay", _) if crates.is_empty() => "by replay; it does not compile".to_owned(),
                ("replay", _) => {
                    let link = link.as_ref().map(linked).unwrap_or_default();
                    format!("by replay of {}{link}", crates.join(", "))
                }
                ("fresh", _) => "before, and nothing of it has changed".to_owned(),
                (way, Some(why)) => format!("by {way}: {why}"),
                (way, None) => format!("by {way}"),
            };
            self.line(Tone::Plain, "built", &format!("{package}   {how}"));
        }
    }

    fn linking(&mut self, packages: &[LinkSummary]) {
        for link in packages {
            let how = linked(link);
            let how = how.trim_start_matches(", ");
            let how = if how.is_empty() { "with all that it depends on" } else { how };
            self.line(Tone::Plain, "linking", &format!("{}   {how}", link.package));
        }
    }

    fn build_failed(&mut self, packages: &[String], errors: usize, warnings: usize) {
        let warnings = if warnings > 0 { format!(", {}", count(warnings, "warning")) } else { String::new() };
        let of = if packages.is_empty() { String::new() } else { format!("{}: ", packages.join(", ")) };
        self.failed("failed", &format!("{of}{}{warnings}", count(errors, "error")), "");
    }

    fn unchanged(&mut self, generation: u64) {
        self.succeeded("unchanged", generation, &format!("the code is the same   generation {generation}"));
    }

    fn updated(&mut self, update: &Update) {
        let mut widgets: Vec<String> = Vec::new();
        for widget in &update.widgets {
            let versions = if widget.from == widget.to {
                widget.to.clone()
            } else {
                format!("{} -> {}", widget.from, widget.to)
            };
            widgets.push(format!("{} {versions}", widget.id));
        }
        widgets.extend(update.added.iter().map(|id| format!("{id} (new)")));
        let instances = update.widgets.iter().map(|widget| widget.instances).sum();
        let mut text = format!(
            "{}   {}   generation {}",
            widgets.join(", "),
            count(instances, "instance"),
            update.generation
        );
        let _ = write!(text, "   {}", phases(&update.phases_us));
        for (connections, what) in
            [(update.connections.converted, "converted"), (update.connections.parked, "parked")]
        {
            if connections > 0 {
                let _ = write!(text, "   {} {what}", count(connections, "connection"));
            }
        }
        self.succeeded("updated", update.generation, &text);
        if self.style.why && !self.style.quiet {
            update.widgets.iter().for_each(|widget| self.way(widget));
        }
        for field in &update.report {
            self.field(field);
        }
    }

    /// How the states of a widget travelled.
    fn way(&mut self, widget: &WidgetUpdate) {
        let WidgetUpdate { id, instances, plan, in_place, encoded, .. } = widget;
        let mut ways = Vec::new();
        if *in_place > 0 {
            ways.push(format!("{} in place", count(*in_place, "instance")));
        }
        let others = instances.saturating_sub(*in_place);
        if others > 0 {
            let why = encoded.as_ref().map_or_else(String::new, |why| format!(", encoded because {why}"));
            ways.push(format!("{} by {}{why}", count(others, "instance"), name_of(plan)));
        }
        if !ways.is_empty() {
            self.raw(&format!("{:21}{id:<24} {}\n", "", ways.join("; ")));
        }
    }

    fn field(&mut self, report: &FieldReport) {
        let what = name_of(&report.what);
        let detail = if report.detail.is_empty() { String::new() } else { format!("  {}", report.detail) };
        let values =
            if report.count == 0 { String::new() } else { format!(", {}", count(report.count, "value")) };
        let only = if report.instances.is_empty() {
            String::new()
        } else {
            format!("  (only {})", report.instances.join(", "))
        };
        let name = match report.field.as_str() {
            // All of the state.
            "" => report.widget.clone(),
            field => format!("{}.{field}", report.widget),
        };
        self.raw(&format!("{:21}{name:<24} {}{detail}{values}{only}\n", "", what));
    }

    fn planned(&mut self, plan: &UpdatePlan) {
        let text = format!("generation {}   {}", plan.generation, plan.libraries.join(", "));
        self.line(Tone::Plain, "planned", &text);
        for part in &plan.instances {
            let InstancePlan { instance, from, to, .. } = part;
            let problem = part.problem.as_ref().map_or_else(String::new, |why| format!("  fails: {why}"));
            self.raw(&format!("{:21}{instance}  {from} -> {to}  {}{problem}\n", "", name_of(&part.plan)));
            part.report.iter().for_each(|field| self.field(field));
        }
        for connection in &plan.connections {
            let ConnectionPlan { source, target, fate, reason, .. } = connection;
            let fate = name_of(fate);
            let why = reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            self.raw(&format!("{:21}{source} -> {target}  {fate}{why}\n", ""));
        }
    }

    fn instance(&mut self, info: &InstanceInfo) {
        let InstanceInfo { instance, widget, version, generation, .. } = info;
        let mut text = format!("{instance}   {widget} {version}   code of generation {generation}");
        if let Some(library) = &info.library {
            let _ = write!(text, " from {library}");
        }
        if !info.versions.is_empty() {
            let _ = write!(text, "   was {}", info.versions.join(", "));
        }
        let _ = write!(text, "   {}", count(info.history, "state"));
        text.push_str(&with_messages(info.waiting));
        if info.is_down {
            text.push_str("   down after a fault: it waits for an update");
        }
        self.line(if info.is_down { Tone::Bad } else { Tone::Plain }, "instance", &text);
        for connection in &info.connections {
            self.raw(&format!("{:21}{}\n", "", connection_line(connection)));
        }
    }

    fn transforms(&mut self, transforms: &[TransformSummary]) {
        self.line(Tone::Plain, "transforms", &transforms.len().to_string());
        for TransformSummary { name, takes, gives } in transforms {
            self.raw(&format!("{:21}{name:<24} {takes} -> {gives}\n", ""));
        }
    }

    fn events(&mut self, events: &[Recorded]) {
        self.line(Tone::Plain, "events", &events.len().to_string());
        for Recorded { seq, event, .. } in events {
            let (name, fields) = in_short(event);
            self.raw(&format!("{seq:>19}  {name:<13} {fields}\n"));
        }
    }

    fn refused(&mut self, refusal: &Refusal) {
        let versions = match (&refusal.from, &refusal.to) {
            (Some(from), Some(to)) if from != to => format!(" {from} -> {to}"),
            (_, Some(version)) | (Some(version), None) => format!(" {version}"),
            (None, None) => String::new(),
        };
        self.failed("refused", &format!("{}{versions}: {}", refusal.widget, refusal.reason), &refusal.help);
    }

    fn rolled_back(&mut self, roll_back: &RollBack) {
        let of = roll_back.instance.as_deref().filter(|id| **id != roll_back.widget);
        let of = of.map_or_else(String::new, |id| format!(" ({id})"));
        let RollBack { widget, phase, reason, running_generation, .. } = roll_back;
        if phase != PROBATION {
            return self.failed("rolled back", &format!("{widget}{of} in {phase}: {reason}"), "");
        }
        // The update was taken back after its commit: what runs is what ran before it.
        self.running = running_generation.map(|generation| (generation, time()));
        self.count_failure();
        let again = match running_generation {
            Some(generation) => format!("generation {generation} runs again, with its state and messages"),
            None => "nothing is running".to_owned(),
        };
        self.line(Tone::Odd, "taken back", &format!("{widget}{of}: {reason}   {again}"));
        self.hint("change the code; the same build is not tried again");
    }

    /// A line that says that code runs, now or still.
    fn succeeded(&mut self, verb: &str, generation: u64, text: &str) {
        if self.running.as_ref().is_none_or(|(running, _)| *running != generation) {
            self.running = Some((generation, time()));
        }
        let mut text = text.to_owned();
        if !self.warnings.is_empty() {
            let _ = write!(text, "   {}", count(self.warnings.len(), "warning"));
        }
        // What runs is no recovery while another part of the same build does not.
        let failures = if self.has_failed { 0 } else { std::mem::take(&mut self.failures) };
        if failures > 0 {
            let _ = write!(text, "   after {}", count(failures, "failure"));
        }
        if !self.style.quiet || failures > 0 {
            self.line(Tone::Good, if failures > 0 { "recovered" } else { verb }, &text);
        }
    }

    /// A line that says that something did not work, and what runs on.
    fn failed(&mut self, verb: &str, text: &str, help: &str) {
        self.count_failure();
        let running = self.still_running();
        self.line(if verb == "failed" { Tone::Bad } else { Tone::Odd }, verb, &format!("{text}   {running}"));
        self.hint(help);
    }

    fn count_failure(&mut self) {
        self.failures += 1;
        self.has_failed = true;
    }

    fn still_running(&self) -> String {
        match &self.running {
            Some((generation, since)) => format!("still running generation {generation} ({since})"),
            None => "nothing is running yet".to_owned(),
        }
    }

    fn view(&mut self, instance: &str, value: Option<&str>) {
        match value {
            Some(text) if text.contains('\n') => {
                self.line(Tone::Plain, "view", instance);
                self.raw(&format!("{}\n", text.trim_end_matches('\n')));
            }
            Some(text) => self.line(Tone::Plain, "view", &format!("{instance} {text}")),
            None => self.line(Tone::Plain, "view", &format!("{instance} has no `#[view]`")),
        }
    }

    fn history(&mut self, instance: &str, entries: &[HistorySummary]) {
        self.line(Tone::Plain, "history", &format!("{instance}   {}", count(entries.len(), "state")));
        for entry in entries {
            let current = if entry.current { "  <- current" } else { "" };
            let HistorySummary { index, cause, version, bytes, .. } = entry;
            let names = match entry.checkpoints.as_slice() {
                [] => String::new(),
                names => format!("  [{}]", names.join(", ")),
            };
            self.raw(&format!("{:21}{index:>4}  {cause:<28} {version:<10} {bytes} B{names}{current}\n", ""));
        }
    }

    fn scene(&mut self, changes: &[String]) {
        let count =
            if changes.is_empty() { "nothing changes".to_owned() } else { count(changes.len(), "change") };
        self.line(Tone::Good, "scene", &count);
        for change in changes {
            self.raw(&format!("{:21}{change}\n", ""));
        }
    }

    fn connections(&mut self, connections: &[ConnectionSummary]) {
        self.line(Tone::Plain, "connections", &connections.len().to_string());
        for connection in connections {
            let text = connection_line(connection);
            self.raw(&format!("{:21}{text}\n", ""));
        }
    }

    fn parked(&mut self, source: &str, target: &str, reason: &str, queued: usize) {
        let text = format!("{}: {reason}{}", arrow(source, target), with_messages(queued));
        self.line(Tone::Odd, "parked", &text);
    }

    fn hint(&mut self, help: &str) {
        if !help.is_empty() {
            self.raw(&format!("{:21}help: {help}\n", ""));
        }
    }

    fn line(&mut self, tone: Tone, verb: &str, text: &str) {
        let (start, end) = match tone {
            _ if !self.style.colour => ("", ""),
            Tone::Good => ("\x1b[32m", "\x1b[0m"),
            Tone::Bad => ("\x1b[31m", "\x1b[0m"),
            Tone::Odd => ("\x1b[33m", "\x1b[0m"),
            Tone::Plain => ("\x1b[36m", "\x1b[0m"),
        };
        self.raw(&format!("{} {start}{verb:<11}{end} {text}\n", time()));
    }

    fn raw(&mut self, text: &str) {
        self.end_live_line();
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }

    /// Ends the line about progress, if there is one.
    pub(crate) fn end_live_line(&mut self) {
        if std::mem::take(&mut self.has_live_line) {
            let _ = self.out.write_all(b"\r\x1b[2K");
            let _ = self.out.flush();
        }
    }
}

/// The name of an event and its fields, in a line that fits into a terminal.
fn in_short(event: &Event) -> (String, String) {
    const WIDTH: usize = 120;
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(event) else {
        return Default::default();
    };
    let name = fields.remove("event").unwrap_or_default();
    let text = serde_json::Value::Object(fields).to_string();
    let mut short: String = text.chars().take(WIDTH).collect();
    if short.len() < text.len() {
        short.push_str("..");
    }
    (name.as_str().unwrap_or_default().to_owned(), short)
}

/// `a.total -> b.show`
/// How a library was linked, to follow what was done. Where there is nothing to share, there is nothing to say.
fn linked(link: &LinkSummary) -> String {
    match (link.reason.as_deref(), &link.why) {
        (None, _) => ", linked to the shared library of dependencies".to_owned(),
        (Some("nothing"), _) => String::new(),
        (Some(_), Some(why)) => format!(", linked plainly: {why}"),
        (Some(reason), None) => format!(", linked plainly: {reason}"),
    }
}

fn arrow(source: &str, target: &str) -> String {
    let source = if source.is_empty() { "(outside)" } else { source };
    format!("{source} -> {target}")
}

/// What comes along with a connection.
fn with_messages(queued: usize) -> String {
    if queued > 0 { format!("   with {}", count(queued, "message")) } else { String::new() }
}

/// The name of a value in events, for people.
fn name_of(value: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(value).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().replace('_', " ")
}

/// `a.total -> b.show  stream of 64, drop oldest, through doubled  3 queued, 2 dropped  parked: ..`
fn connection_line(connection: &ConnectionSummary) -> String {
    let ConnectionSummary { source, target, queued, .. } = connection;
    let mut line = arrow(source, target);
    match connection.options {
        Mode::Port => line.push_str("  port"),
        Mode::Stream { .. } if connection.options == Mode::default() || connection.source.is_empty() => {}
        Mode::Stream { capacity, overflow } => {
            let _ = write!(line, "  stream of {capacity}, {}", name_of(&overflow));
        }
    }
    if let Some(transform) = &connection.transform {
        let _ = write!(line, "  through {transform}");
    }
    let _ = write!(line, "  {queued} queued");
    if connection.aside > 0 {
        let _ = write!(line, ", {} of types that are not taken now", connection.aside);
    }
    for (times, what) in [(connection.dropped, "dropped"), (connection.superseded, "superseded")] {
        if times > 0 {
            let _ = write!(line, ", {times} {what}");
        }
    }
    if let Some(why) = &connection.parked {
        let _ = write!(line, "  parked: {why}");
    }
    line
}

#[cfg(test)]
mod tests;
