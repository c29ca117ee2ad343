//! FROM clauses.

use super::{Writer, push};
use crate::pgdata::quote_identifier;
use crate::sql::ast::{
    Alias, ExprKind, FromItem, JoinCondition, JoinKind, Name, QualifiedName, TableFunction,
};

/// Spaces that clauses stand to the left of their query's columns, and that joins are moved by.
const CLAUSE: i32 = 8;
const JOIN_INDENT: usize = 4;
const ITEM_INDENT: usize = 4;

impl Writer<'_> {
    pub(super) fn from_clause(&mut self, items: &[FromItem], out: &mut String) -> Option<()> {
        for (number, item) in items.iter().enumerate() {
            if number == 0 {
                self.keyword(out, " FROM ", (-CLAUSE, CLAUSE, 2));
                let shown = self.from_item(item)?;
                push(out, &shown);
                continue;
            }
            out.push_str(", ");
            let shown = self.from_item(item)?;
            if self.indents && !shown.starts_with('\n') {
                self.keyword(out, "", (-CLAUSE, CLAUSE, ITEM_INDENT));
            }
            push(out, &shown);
        }
        Some(())
    }

    fn from_item(&mut self, item: &FromItem) -> Option<String> {
        match item {
            FromItem::Table { name, alias } => self.table(name, alias.as_ref()),
            FromItem::Subquery { query, alias, lateral, .. } => {
                let lateral = if *lateral { "LATERAL " } else { "" };
                let query = self.query(query, None, true)?;
                Some(format!("{lateral}({query}){}", aliased(alias.as_ref())))
            }
            FromItem::Function(function) => self.function(function),
            FromItem::Join { kind, left, right, condition, alias } => {
                if alias.is_some() {
                    return None;
                }
                self.join(*kind, left, right, condition)
            }
        }
    }

    fn table(&mut self, name: &QualifiedName, alias: Option<&Alias>) -> Option<String> {
        if let [bare] = name.as_slice()
            && self.ctes.contains(&bare.text)
        {
            return Some(format!("{}{}", quote_identifier(&bare.text), aliased(alias)));
        }
        let written = crate::sql::bind::label(name);
        let bound = self.bindings.iter().find(|(known, _)| *known == written);
        let oid = match bound {
            Some((_, oid)) => *oid,
            None => {
                let last = name.last()?;
                let schema = match name.as_slice() {
                    [schema, _] => schema.text.as_str(),
                    _ => "pg_catalog",
                };
                crate::catalog::relation(schema, &last.text)?.oid
            }
        };
        let shown = self.relation_name(oid)?;
        // A table that has another name by now is still called what it was.
        let called = match alias {
            Some(alias) => aliased(Some(alias)),
            None => {
                let now = self.catalog().table_by_oid(oid).map(|table| &table.name);
                let then = &name.last()?.text;
                match now {
                    Some(now) if now != then => format!(" {}", quote_identifier(then)),
                    _ => String::new(),
                }
            }
        };
        Some(format!("{shown}{called}"))
    }

    fn function(&mut self, function: &TableFunction) -> Option<String> {
        let [(tree, definitions)] = function.functions.as_slice() else { return None };
        if !definitions.is_empty() {
            return None;
        }
        let shown = self.value(tree, None)?.text;
        let ExprKind::Call(call) = &tree.kind else { return None };
        let name = &call.name.last()?.text;
        let label = function.alias.as_ref().map_or(name, |alias| &alias.name.text);
        let mut columns: Vec<String> = function
            .alias
            .iter()
            .flat_map(|alias| alias.columns.iter().map(|column| column.text.clone()))
            .collect();
        let wanted = 1 + usize::from(function.ordinality);
        if columns.is_empty() {
            columns.push(label.clone());
        }
        if function.ordinality && columns.len() < wanted {
            columns.push("ordinality".to_owned());
        }
        if columns.len() != wanted {
            return None;
        }
        let ordinality = if function.ordinality { " WITH ORDINALITY" } else { "" };
        let columns: Vec<_> = columns.iter().map(|column| quote_identifier(column)).collect();
        Some(format!("{shown}{ordinality} {}({})", quote_identifier(label), columns.join(", ")))
    }

    fn join(
        &mut self,
        kind: JoinKind,
        left: &FromItem,
        right: &FromItem,
        condition: &JoinCondition,
    ) -> Option<String> {
        let mut out = String::new();
        if !self.pretty {
            out.push('(');
        }
        push(&mut out, &self.from_item(left)?);
        let word = match (kind, condition) {
            (JoinKind::Inner, JoinCondition::None) => " CROSS JOIN ",
            (JoinKind::Inner, _) => " JOIN ",
            (JoinKind::Left, _) => " LEFT JOIN ",
            (JoinKind::Right, _) => " RIGHT JOIN ",
            (JoinKind::Full, _) => " FULL JOIN ",
        };
        self.keyword(&mut out, word, (-CLAUSE, CLAUSE, JOIN_INDENT));
        let nested = self.pretty && matches!(right, FromItem::Join { .. });
        let right = self.from_item(right)?;
        if nested {
            out.push('(');
        }
        push(&mut out, &right);
        if nested {
            out.push(')');
        }
        match condition {
            JoinCondition::Using(names, None) => {
                push(&mut out, &format!(" USING ({})", names_of(names)));
            }
            JoinCondition::On(condition) => {
                let condition = self.value(condition, None)?.text;
                out.push_str(" ON ");
                if self.pretty {
                    push(&mut out, &condition);
                } else {
                    push(&mut out, &format!("({condition})"));
                }
            }
            JoinCondition::None if kind == JoinKind::Inner => {}
            JoinCondition::None => out.push_str(" ON TRUE"),
            JoinCondition::Using(..) | JoinCondition::Natural => return None,
        }
        if !self.pretty {
            out.push(')');
        }
        Some(out)
    }
}

pub(super) fn names_of(names: &[Name]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| quote_identifier(&name.text)).collect();
    quoted.join(", ")
}

fn aliased(alias: Option<&Alias>) -> String {
    match alias {
        None => String::new(),
        Some(alias) if alias.columns.is_empty() => {
            format!(" {}", quote_identifier(&alias.name.text))
        }
        Some(alias) => {
            format!(" {}({})", quote_identifier(&alias.name.text), names_of(&alias.columns))
        }
    }
}
