//! EXPLAIN: where a statement runs, SQLite's SQL for it, and SQLite's plan for that.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::model::error::Error;
use crate::model::read_level::ReadLevel;
use crate::model::value::{RowBatch, Value};
use crate::platform::clock;
use crate::session::Session;
use crate::session::portal::{Reply, RowsTag, Rowset};
use crate::session::statement::Plan;
use crate::sql::{Action, Compiled, ExplainFormat, ExplainOptions, Parsed, Program};

/// A program of a statement, and SQLite's plan for it.
struct Explained {
    sql: Arc<str>,
    plan: Vec<PlanNode>,
}

/// A line of EXPLAIN QUERY PLAN.
struct PlanNode {
    depth: usize,
    detail: String,
}

/// What running the statement showed.
struct Measured {
    rows: u64,
    time: Duration,
}

impl Session {
    /// EXPLAIN; `None` if the schema isn't the plan's any more.
    pub(crate) async fn explain(
        &mut self,
        plan: &Plan,
        options: ExplainOptions,
        statement: &Compiled,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        let began = clock::now();
        let place = self.place(&statement.action);
        let mut explained = Vec::new();
        for program in programs(&statement.action) {
            let asked = program.explained();
            let rows = self.query(plan, &asked, None, parameters, RowsTag::Select, alone).await?;
            let Some(mut rows) = rows else { return Ok(None) };
            let mut lines = Vec::new();
            while let Some(batch) = self.fetch(&mut rows).await? {
                lines.extend(batch.iter().map(<[Value]>::to_vec));
            }
            explained.push(Explained { sql: Arc::clone(&program.sql), plan: plan_nodes(&lines) });
        }
        let planning = clock::now().since(began);
        let measured = if options.analyze {
            match self.measure(plan, statement, parameters, alone).await? {
                Some(measured) => Some(measured),
                None => return Ok(None),
            }
        } else {
            None
        };
        let document = || document(&place, &explained, measured.as_ref());
        let lines = match options.format {
            ExplainFormat::Text => {
                as_text(options, &place, &explained, planning, measured.as_ref())
            }
            // A tree of maps, lists and texts can always be written.
            ExplainFormat::Json => {
                let all = Json::Array(vec![document()]);
                vec![serde_json::to_string_pretty(&all).unwrap_or_default()]
            }
            ExplainFormat::Xml => vec![as_xml(&document())],
            ExplainFormat::Yaml => vec![as_yaml(&document())],
        };
        let rows = lines.len();
        let values = lines.into_iter().map(Value::Text).collect();
        let batch = RowBatch { width: 1, rows, values };
        let tag = RowsTag::Plain("EXPLAIN");
        Ok(Some(Reply::Rows(Rowset::memory(Arc::clone(&plan.columns), batch, tag))))
    }

    /// EXPLAIN EXECUTE.
    pub(crate) async fn explain_execute(
        &mut self,
        plan: &Plan,
        options: ExplainOptions,
        name: &str,
        execute: &Parsed,
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        let prepared = self.used_statement(name)?;
        let parameters = self.execute_arguments(execute, &prepared, alone).await?;
        let own = self.plan(&prepared, true).await?;
        let shown = Plan {
            compiled: own.compiled.clone(),
            columns: Arc::clone(&plan.columns),
            parameters: Arc::clone(&own.parameters),
            parameter_forms: Arc::clone(&own.parameter_forms),
            schema: own.schema,
            settings: Arc::clone(&own.settings),
            epoch: own.epoch,
        };
        self.explain(&shown, options, &own.compiled, &parameters, alone).await
    }

    /// Runs the statement and counts its rows.
    async fn measure(
        &mut self,
        plan: &Plan,
        statement: &Compiled,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Measured>, Error> {
        let inner = Plan::new(statement.clone(), plan.schema, Arc::clone(self.settings.compile()));
        let began = clock::now();
        let reply = Box::pin(self.perform(&inner, parameters, alone)).await?;
        let mut count = 0;
        match reply {
            None => return Ok(None),
            Some(Reply::Rows(mut rows)) => {
                while let Some(batch) = self.fetch(&mut rows).await? {
                    count += batch.rows as u64;
                }
            }
            Some(Reply::Complete(tag)) => {
                count = tag.rsplit(' ').next().and_then(|last| last.parse().ok()).unwrap_or(0);
            }
            Some(Reply::Empty | Reply::CopyIn { .. } | Reply::CopyOut { .. }) => {}
        }
        Ok(Some(Measured { rows: count, time: clock::now().since(began) }))
    }

    /// Where a statement runs, and with which promise.
    fn place(&self, action: &Action) -> Place {
        let writes = matches!(action, Action::Write { .. })
            || matches!(action, Action::Query { locking: Some(_), .. });
        let here = self.engine.is_leader();
        if self.write.is_some() || writes {
            return Place { operation: "Write", node: leader(here), level: None };
        }
        if self.view.is_some() {
            let level = Some("the transaction's snapshot");
            return Place { operation: "Read", node: "this node", level };
        }
        let (node, level) = match self.settings.read_level() {
            ReadLevel::None(_) => ("this node", "none"),
            ReadLevel::Weak => (leader(here), "weak"),
            ReadLevel::Auto(_) => ("this node or the leader", "auto"),
            ReadLevel::Linearizable => ("this node", "linearizable"),
            ReadLevel::Lease => ("this node", "lease"),
            ReadLevel::Strong => (leader(here), "strong"),
        };
        Place { operation: "Read", node, level: Some(level) }
    }
}

fn leader(here: bool) -> &'static str {
    if here { "this node, the leader" } else { "the leader" }
}

struct Place {
    operation: &'static str,
    node: &'static str,
    level: Option<&'static str>,
}

/// The programs that are SQLite's part of a statement.
fn programs(action: &Action) -> Vec<&Program> {
    match action {
        Action::Query { program, .. } => vec![program],
        Action::Write { steps, .. } => steps.iter().map(|step| &step.program).collect(),
        // Only queries and data changes can be explained.
        _ => Vec::new(),
    }
}

/// SQLite's rows (id, parent, unused, detail) with their depths.
fn plan_nodes(lines: &[Vec<Value>]) -> Vec<PlanNode> {
    let mut depths: HashMap<i64, usize> = HashMap::new();
    let mut nodes = Vec::new();
    for line in lines {
        let [Value::Integer(id), Value::Integer(parent), _, Value::Text(detail)] = line.as_slice()
        else {
            continue;
        };
        let depth = depths.get(parent).map_or(0, |above| above + 1);
        depths.insert(*id, depth);
        nodes.push(PlanNode { depth, detail: detail.clone() });
    }
    nodes
}

fn as_text(
    options: ExplainOptions,
    place: &Place,
    explained: &[Explained],
    planning: Duration,
    measured: Option<&Measured>,
) -> Vec<String> {
    let level = place.level.map(|level| format!(", level {level}")).unwrap_or_default();
    let actual = measured.map(|measured| format!("  (actual rows={})", measured.rows));
    let mut lines =
        vec![format!("{} on {}{level}{}", place.operation, place.node, actual.unwrap_or_default())];
    for program in explained {
        lines.push(format!("  ->  SQLite: {}", program.sql));
        for node in &program.plan {
            lines.push(format!("        {}{}", "  ".repeat(node.depth), node.detail));
        }
    }
    if options.summary.unwrap_or(options.analyze) {
        lines.push(format!("Planning Time: {} ms", milliseconds(planning)));
        if let Some(measured) = measured {
            lines.push(format!("Execution Time: {} ms", milliseconds(measured.time)));
        }
    }
    lines
}

fn milliseconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1000.0)
}

/// What the formats for programs show.
fn document(place: &Place, explained: &[Explained], measured: Option<&Measured>) -> Json {
    let mut plan = Map::new();
    plan.insert("Node Type".to_owned(), json!(place.operation));
    plan.insert("Runs On".to_owned(), json!(place.node));
    if let Some(level) = place.level {
        plan.insert("Read Level".to_owned(), json!(level));
    }
    if let Some(measured) = measured {
        plan.insert("Actual Rows".to_owned(), json!(measured.rows));
    }
    let programs: Vec<Json> = explained
        .iter()
        .map(|program| {
            let lines: Vec<String> = program
                .plan
                .iter()
                .map(|node| format!("{}{}", "  ".repeat(node.depth), node.detail))
                .collect();
            json!({ "SQLite": &*program.sql, "Query Plan": lines })
        })
        .collect();
    plan.insert("Programs".to_owned(), Json::Array(programs));
    let mut all = Map::new();
    all.insert("Plan".to_owned(), Json::Object(plan));
    if let Some(measured) = measured {
        all.insert("Execution Time".to_owned(), json!(measured.time.as_secs_f64() * 1000.0));
    }
    Json::Object(all)
}

/// Names become elements, with `-` for what an element's name can't have.
fn as_xml(document: &Json) -> String {
    fn put(out: &mut String, depth: usize, name: &str, value: &Json) {
        let name = name.replace(' ', "-");
        let indent = "  ".repeat(depth);
        match value {
            Json::Object(fields) => {
                let _ = writeln!(out, "{indent}<{name}>");
                for (name, value) in fields {
                    put(out, depth + 1, name, value);
                }
                let _ = writeln!(out, "{indent}</{name}>");
            }
            Json::Array(items) => {
                let _ = writeln!(out, "{indent}<{name}>");
                for item in items {
                    put(out, depth + 1, "Item", item);
                }
                let _ = writeln!(out, "{indent}</{name}>");
            }
            Json::String(text) => {
                let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let _ = writeln!(out, "{indent}<{name}>{text}</{name}>");
            }
            other => {
                let _ = writeln!(out, "{indent}<{name}>{other}</{name}>");
            }
        }
    }
    let mut out = "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n".to_owned();
    put(&mut out, 1, "Query", document);
    out.push_str("</explain>");
    out
}

/// Texts are written as in JSON, which YAML reads.
fn as_yaml(document: &Json) -> String {
    fn put(out: &mut String, depth: usize, value: &Json) {
        let indent = "  ".repeat(depth);
        match value {
            Json::Object(fields) => {
                for (at, (name, value)) in fields.iter().enumerate() {
                    // The first field stands behind the dash of its item.
                    let indent = if at == 0 { "" } else { indent.as_str() };
                    match value {
                        Json::Object(_) => {
                            let _ = write!(out, "{indent}{name}: \n{}", "  ".repeat(depth + 1));
                            put(out, depth + 1, value);
                        }
                        Json::Array(_) => {
                            let _ = writeln!(out, "{indent}{name}: ");
                            put(out, depth + 1, value);
                        }
                        plain => {
                            let _ = writeln!(out, "{indent}{name}: {plain}");
                        }
                    }
                }
            }
            Json::Array(items) => {
                for item in items {
                    let _ = write!(out, "{indent}- ");
                    put(out, depth + 1, item);
                }
            }
            plain => {
                let _ = writeln!(out, "{plain}");
            }
        }
    }
    let mut out = String::new();
    put(&mut out, 0, &Json::Array(vec![document.clone()]));
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_written_for_programs() {
        let program = json!({ "SQLite": "SELECT 1 < 2", "Query Plan": ["SCAN a", "SCAN b"] });
        let document = json!({ "Plan": { "Node Type": "Read", "Programs": [program] }, "Rows": 3 });
        assert_eq!(
            as_xml(&document),
            "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n    <Plan>\n      \
             <Node-Type>Read</Node-Type>\n      <Programs>\n        <Item>\n          \
             <SQLite>SELECT 1 &lt; 2</SQLite>\n          <Query-Plan>\n            \
             <Item>SCAN a</Item>\n            <Item>SCAN b</Item>\n          </Query-Plan>\n        \
             </Item>\n      </Programs>\n    </Plan>\n    <Rows>3</Rows>\n  </Query>\n</explain>"
        );
        assert_eq!(
            as_yaml(&document),
            "- Plan: \n    Node Type: \"Read\"\n    Programs: \n      - SQLite: \"SELECT 1 < 2\"\n        \
             Query Plan: \n          - \"SCAN a\"\n          - \"SCAN b\"\n  Rows: 3"
        );
    }
}
