//! A scene, written into the text of a `shrine.toml`: what did not change keeps its formatting and its comments.

use shrine::scene::{Scene, SceneConnection, SceneError, SceneInstance};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// The text with the instances and connections of `scene`. Policies stay as they are.
///
/// # Errors
///
/// When the text is no scene; all its mistakes.
pub fn save(text: &str, scene: &Scene) -> Result<String, Vec<SceneError>> {
    let before = Scene::parse(text)?;
    if before.is_empty() {
        // What is there are comments at most.
        let above = if text.trim().is_empty() { String::new() } else { format!("{}\n\n", text.trim_end()) };
        return Ok(format!("{above}{}", scene.to_toml()));
    }
    let Ok(mut document) = text.parse::<DocumentMut>() else { return Ok(scene.to_toml()) };
    if let (false, Some(instances)) = (before.instances == scene.instances, &scene.instances) {
        save_instances(document.as_table_mut(), &before, instances);
    }
    if before.connections != scene.connections {
        save_connections(document.as_table_mut(), &before.connections, &scene.connections);
    }
    Ok(document.to_string())
}

fn save_instances(root: &mut Table, before: &Scene, instances: &[SceneInstance]) {
    let all = root.entry("instances").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(!instances.is_empty());
        Item::Table(table)
    });
    let is_inline = all.is_inline_table();
    let Some(all) = all.as_table_like_mut() else { return };
    for gone in before.instances.iter().flatten() {
        if !instances.iter().any(|instance| instance.id == gone.id) {
            all.remove(&gone.id);
        }
    }
    for instance in instances {
        let said = before.instance(&instance.id);
        if said == Some(instance) {
            continue;
        }
        if said.is_none() {
            all.insert(&instance.id, new_table(is_inline));
        }
        let Some(table) = all.get_mut(&instance.id).and_then(Item::as_table_like_mut) else { continue };
        let bare = SceneInstance::new(&instance.id, &instance.id);
        let said = said.unwrap_or(&bare);
        set_all(table, &["widget", "history"], &said.entries(), &instance.entries());
        if said.state != instance.state {
            set(table, "state", instance.state_toml());
        }
    }
}

fn save_connections(root: &mut Table, before: &[SceneConnection], connections: &[SceneConnection]) {
    let index =
        |of: &SceneConnection| before.iter().position(|said| (&said.from, &said.to) == (&of.from, &of.to));
    let kept: Vec<usize> = connections.iter().filter_map(index).collect();
    let new: Vec<_> = connections.iter().filter(|connection| index(connection).is_none()).collect();
    let all = root.entry("connections").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    // Empty as `connections = []`, there is no table whose form could be followed.
    if all.as_array().is_some_and(Array::is_empty) {
        *all = Item::ArrayOfTables(ArrayOfTables::new());
    }
    for (at, said) in before.iter().enumerate() {
        let Some(now) = connections.iter().find(|now| index(now) == Some(at)) else { continue };
        let table: Option<&mut dyn TableLike> = match all {
            Item::ArrayOfTables(tables) => tables.get_mut(at).map(|table| table as &mut dyn TableLike),
            Item::Value(Value::Array(items)) => items
                .get_mut(at)
                .and_then(Value::as_inline_table_mut)
                .map(|table| table as &mut dyn TableLike),
            _ => None,
        };
        if let Some(table) = table {
            set_all(table, &["mode", "capacity", "overflow", "transform"], &said.entries(), &now.entries());
        }
    }
    for at in (0..before.len()).rev().filter(|at| !kept.contains(at)) {
        match all {
            Item::ArrayOfTables(tables) => drop(tables.remove(at)),
            Item::Value(Value::Array(items)) => drop(items.remove(at)),
            _ => {}
        }
    }
    for connection in new {
        match all {
            Item::ArrayOfTables(tables) => {
                let mut table = Table::new();
                set_all(&mut table, &[], &[], &connection.entries());
                tables.push(table);
            }
            Item::Value(Value::Array(items)) => {
                let mut table = InlineTable::new();
                set_all(&mut table, &[], &[], &connection.entries());
                items.push(table);
            }
            _ => {}
        }
    }
}

fn new_table(inline: bool) -> Item {
    if inline { Item::Value(Value::InlineTable(InlineTable::new())) } else { Item::Table(Table::new()) }
}

/// Changes the entries that differ, and takes away those of `keys` that are not said any more.
fn set_all(table: &mut dyn TableLike, keys: &[&str], before: &[(&str, String)], now: &[(&str, String)]) {
    for (key, value) in now.iter().filter(|entry| !before.contains(entry)) {
        set(table, key, Some(value.clone()));
    }
    for key in keys.iter().filter(|key| before.iter().any(|(said, _)| said == *key)) {
        if now.iter().all(|(said, _)| said != key) {
            table.remove(key);
        }
    }
}

/// Sets a value, with the comment behind it and the blanks around it as they were.
fn set(table: &mut dyn TableLike, key: &str, text: Option<String>) {
    let Some(text) = text else {
        table.remove(key);
        return;
    };
    let Ok(mut value) = text.parse::<Value>() else { return };
    if let Some(before) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = before.decor().clone();
    }
    table.insert(key, Item::Value(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(text: &str, scene: &str) -> String {
        let scene = Scene::parse(scene).unwrap();
        let saved = save(text, &scene).unwrap();
        let read = Scene::parse(&saved).unwrap_or_else(|errors| panic!("{saved}\n{errors:#?}"));
        // What was there first stays first.
        let by_name = |scene: &Scene| {
            let mut instances = scene.instances.clone().unwrap_or_default();
            instances.sort_by(|a, b| a.id.cmp(&b.id));
            instances
        };
        assert_eq!((by_name(&read), &read.connections), (by_name(&scene), &scene.connections), "{saved}");
        saved
    }

    const TEXT: &str = "\
# The clicks of today.
[instances.clicks]
widget   = \"counter\"  # counts
state = { total = 5 } # so far

[instances.old]

# What is shown.
[[connections]]
from = \"clicks.total\"
to = \"clicks.add\" # round and round
capacity = 5  # few

[update]
without_bump = \"refuse\" # never guess
";

    #[test]
    fn what_is_the_same_stays_as_it_is_written() {
        assert_eq!(saved(TEXT, TEXT), TEXT);
    }

    #[test]
    fn only_what_changed_is_written() {
        let text = saved(
            TEXT,
            "[instances.clicks]\nwidget = \"counter\"\nstate = { total = 6 }\n[instances.new]\nwidget = \"w\"\n\
             [[connections]]\nfrom = \"clicks.total\"\nto = \"clicks.add\"\ncapacity = 7\n\
             [[connections]]\nfrom = \"new.x\"\nto = \"clicks.add\"\nmode = \"port\"\n",
        );
        for kept in [
            "# The clicks of today.",
            "widget   = \"counter\"  # counts",
            "state = { total = 6 } # so far",
            "# What is shown.",
            "# round and round",
            "capacity = 7  # few",
            "without_bump = \"refuse\" # never guess",
        ] {
            assert!(text.contains(kept), "{kept}\n{text}");
        }
        assert!(!text.contains("instances.old") && text.contains("[instances.new]"), "{text}");
    }

    #[test]
    fn every_way_of_writing_it_can_be_saved() {
        let scene = "[instances.a]\nwidget = \"w\"\n[instances.b]\nwidget = \"w\"\n\
            [[connections]]\nfrom = \"b.x\"\nto = \"a.y\"\n[[connections]]\nfrom = \"a.x\"\nto = \"b.y\"\n";
        for text in [
            "",
            "# Nothing yet.\n",
            "instances = {}\nconnections = []\n",
            "instances = { b = { widget = \"w\" } }\nconnections = [{ from = \"b.x\", to = \"a.y\", mode = \"port\" }]\n\
             [update]\n",
            "[update]\nwithout_bump = \"reset\"\n",
            "[instances]\nb.widget = \"v\"\na.widget = \"v\"\na.state.total = 5\n",
        ] {
            // An end of a connection must be there to be read.
            let text = text.replace("b = { widget = \"w\" }", "b = { widget = \"w\" }, a = {}");
            let saved = saved(&text, scene);
            assert_eq!(saved.contains("# Nothing yet."), text.contains('#'), "{saved}");
        }
    }

    #[test]
    fn a_text_that_is_no_scene_is_left_alone() {
        assert_eq!(save("[instance.a]\n", &Scene::default()).unwrap_err().len(), 1);
    }
}
