//! Queries: a list of expressions over one or two tables, with what may follow, and what makes them smaller.

use std::fmt::{self, Display, Formatter};

use super::Random;
use super::expression::{Expression, TYPES, Type};

#[derive(Debug, Clone)]
pub struct Query {
    distinct: bool,
    items: Vec<Expression>,
    /// How `u` is joined to `t`, and on what.
    join: Option<(&'static str, Expression)>,
    filter: Option<Expression>,
    group_by: Vec<Expression>,
    limited: bool,
    /// A second query and how it is combined with this one.
    other: Option<(&'static str, Box<Query>)>,
}

/// Statements that make and fill the tables `t` and `u`.
pub fn tables(random: &mut Random) -> Vec<String> {
    let mut statements = Vec::new();
    for table in ["t", "u"] {
        let columns: Vec<_> =
            TYPES.iter().map(|of| format!("{} {}", of.column(), of.name())).collect();
        let key = format!("k int PRIMARY KEY, {}", columns.join(", "));
        statements.push(format!("CREATE TABLE {table} ({key})"));
        if random.one_in(2) {
            let indexed = TYPES[random.below(TYPES.len())].column();
            statements.push(format!("CREATE INDEX {table}_x ON {table} ({indexed})"));
        }
        for k in 0..3 + random.below(12) {
            let values: Vec<_> =
                TYPES.iter().map(|of| random.pick(of.constants()).to_owned()).collect();
            statements.push(format!("INSERT INTO {table} VALUES ({k}, {})", values.join(", ")));
        }
    }
    statements
}

impl Query {
    pub fn random(random: &mut Random) -> Self {
        let types: Vec<Type> =
            (0..=random.below(3)).map(|_| TYPES[random.below(TYPES.len())]).collect();
        let mut query = Self::of_types(random, &types);
        if query.group_by.is_empty() && random.one_in(6) {
            let kind =
                *random.pick(&[&"UNION", &"UNION ALL", &"INTERSECT", &"EXCEPT", &"EXCEPT ALL"]);
            let mut other = Self::of_types(random, &types);
            (other.limited, query.limited) = (false, false);
            if other.group_by.is_empty() {
                query.other = Some((kind, Box::new(other)));
            }
        }
        query
    }

    fn of_types(random: &mut Random, types: &[Type]) -> Self {
        let join = random.one_in(3).then(|| {
            let kind = *random.pick(&[&"JOIN", &"LEFT JOIN", &"RIGHT JOIN", &"FULL JOIN"]);
            // FULL JOIN takes conditions that can be hashed only.
            let of = TYPES[random.below(TYPES.len())];
            let text = format!("t.{0} = u.{0}", of.column());
            (kind, Expression::verbatim(text))
        });
        let tables: &[&str] = if join.is_some() { &["t", "u"] } else { &["t"] };
        let grouped = random.one_in(4);
        let filter = random.one_in(2).then(|| Expression::random(random, Type::Boolean, tables, 3));
        let mut query = Self {
            distinct: random.one_in(6),
            items: Vec::new(),
            join,
            filter,
            group_by: Vec::new(),
            limited: random.one_in(8),
            other: None,
        };
        if grouped {
            query.group_by =
                types.iter().map(|of| Expression::column(random, *of, tables)).collect();
            query.items.clone_from(&query.group_by);
            query.items.push(Expression::aggregate(random, tables));
            query.limited = false;
        } else {
            let item = |of: &Type| Expression::random(random, *of, tables, 4);
            query.items = types.iter().map(item).collect();
        }
        query
    }

    /// Whether a planner may choose which rows its expressions are computed for at all.
    pub fn leaves_out_rows(&self) -> bool {
        self.other.is_some() || self.join.is_some() || self.filter.is_some() || self.limited
    }

    pub fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Self)| {
            let mut copy = self.clone();
            change(&mut copy);
            all.push(copy);
        };
        if self.other.is_some() {
            with(&|query| query.other = None);
        }
        for (present, change) in [
            (self.distinct, (|query| query.distinct = false) as fn(&mut Self)),
            (self.limited, |query| query.limited = false),
            (self.filter.is_some(), |query| query.filter = None),
            (self.join.is_some(), |query| query.join = None),
        ] {
            if present {
                with(&change);
            }
        }
        if self.items.len() > 1 && self.other.is_none() {
            for place in 0..self.items.len() {
                with(&|query| {
                    query.items.remove(place);
                    if place < query.group_by.len() && query.group_by.len() > 1 {
                        query.group_by.remove(place);
                    }
                });
            }
        }
        for part in self.filter.iter().flat_map(Expression::smaller) {
            with(&|query| query.filter = Some(part.clone()));
        }
        for (place, item) in self.items.iter().enumerate().skip(self.group_by.len()) {
            for part in item.smaller() {
                with(&|query| query.items[place] = part.clone());
            }
        }
        all
    }
}

fn list(expressions: &[Expression]) -> String {
    expressions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        write!(f, "SELECT {distinct}{} FROM t", list(&self.items))?;
        if let Some((kind, condition)) = &self.join {
            write!(f, " {kind} u ON {condition}")?;
        }
        if let Some(filter) = &self.filter {
            write!(f, " WHERE {filter}")?;
        }
        if !self.group_by.is_empty() {
            write!(f, " GROUP BY {}", list(&self.group_by))?;
        }
        if let Some((kind, other)) = &self.other {
            write!(f, " {kind} {other}")?;
        }
        if self.limited {
            // A whole order, so that the rows are the same ones.
            let places: Vec<_> = (1..=self.items.len()).map(|place| place.to_string()).collect();
            write!(f, " ORDER BY {} LIMIT 3", places.join(", "))?;
        }
        Ok(())
    }
}
