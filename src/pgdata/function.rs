//! Functions, aggregates and window functions (`pg_proc`).

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use crate::model::pg_type::Oid;
use crate::pgdata::relation::Reader;

/// A row of `pg_proc`.
#[derive(Debug)]
pub struct Function {
    pub oid: Oid,
    /// `proname`.
    pub name: &'static str,
    /// `pronamespace`.
    pub namespace: Oid,
    pub kind: FunctionKind,
    /// `proargtypes`: what a call gives, the variadic parameter as an array.
    pub arguments: Box<[Oid]>,
    /// `provariadic`: the element type of a variadic last parameter, or 0.
    pub variadic: Oid,
    /// `pronargdefaults`: how many of the last parameters may be left out.
    pub default_count: usize,
    /// `prorettype`.
    pub result: Oid,
    /// `proretset`.
    pub returns_set: bool,
    /// `proisstrict`: NULL where an argument is NULL.
    pub is_strict: bool,
    /// `provolatile`: `i`, `s` or `v`.
    pub volatility: u8,
    /// For an aggregate `aggkind` (`n`, `o`, `h`), else 0.
    pub aggregate_kind: u8,
    /// `aggnumdirectargs` of an ordered-set aggregate.
    pub direct_arguments: usize,
    /// `prosrc`.
    pub source: &'static str,
    parameters: Names,
}

/// What is read of a function's names and output parameters when it is asked for.
#[derive(Debug)]
struct Names {
    types: &'static str,
    modes: &'static str,
    names: &'static str,
    defaults: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    Function,
    Aggregate,
    Window,
    Procedure,
}

/// A parameter, or a column that a function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Empty if it has none.
    pub name: &'static str,
    pub data_type: Oid,
    pub mode: ParameterMode,
}

/// `proargmodes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterMode {
    In,
    Out,
    InOut,
    Variadic,
    /// A column of RETURNS TABLE.
    Table,
}

#[derive(Debug)]
struct Functions {
    /// By name, then OID.
    all: Vec<Function>,
    by_oid: HashMap<Oid, u16>,
    by_name: HashMap<&'static str, Range<u16>>,
}

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let mut all = load();
    aggregates(&mut all);
    let by_oid = all.iter().zip(0_u16..).map(|(known, at)| (known.oid, at)).collect();
    let mut by_name: HashMap<&'static str, Range<u16>> = HashMap::new();
    for (known, at) in all.iter().zip(0_u16..) {
        by_name.entry(known.name).or_insert(at..at).end = at + 1;
    }
    Functions { all, by_oid, by_name }
});

fn load() -> Vec<Function> {
    let reader = Reader::new("pg_proc");
    let at = |name| reader.at(name);
    let (oid, name, namespace, kind) =
        (at("oid"), at("proname"), at("pronamespace"), at("prokind"));
    let (arguments, variadic) = (at("proargtypes"), at("provariadic"));
    let (default_count, result, set) = (at("pronargdefaults"), at("prorettype"), at("proretset"));
    let (strict, volatility, source) = (at("proisstrict"), at("provolatile"), at("prosrc"));
    let (types, modes) = (at("proallargtypes"), at("proargmodes"));
    let (names, defaults) = (at("proargnames"), at("proargdefaults"));
    let read = |row: super::Row| Function {
        oid: row.oid(oid),
        name: row.plain(name),
        namespace: row.oid(namespace),
        kind: match row.byte(kind) {
            b'a' => FunctionKind::Aggregate,
            b'w' => FunctionKind::Window,
            b'p' => FunctionKind::Procedure,
            _ => FunctionKind::Function,
        },
        arguments: row.oids(arguments),
        variadic: row.oid(variadic),
        default_count: row.plain(default_count).parse().expect("pronargdefaults is a number"),
        result: row.oid(result),
        returns_set: row.is_true(set),
        is_strict: row.is_true(strict),
        volatility: row.byte(volatility),
        aggregate_kind: 0,
        direct_arguments: 0,
        source: row.plain(source),
        parameters: Names {
            types: row.plain(types),
            modes: row.plain(modes),
            names: row.plain(names),
            defaults: row.plain(defaults),
        },
    };
    let mut all: Vec<Function> = reader.rows().map(read).collect();
    all.sort_by_key(|known| (known.name, known.oid));
    all
}

impl Function {
    /// Whether it gives the same for the same arguments always.
    pub fn is_immutable(&self) -> bool {
        self.volatility == b'i'
    }
}

fn aggregates(all: &mut [Function]) {
    let reader = Reader::new("pg_aggregate");
    let (function, kind) = (reader.at("aggfnoid"), reader.at("aggkind"));
    let direct = reader.at("aggnumdirectargs");
    let read = |row: super::Row| {
        let direct = row.plain(direct).parse().expect("aggnumdirectargs is a number");
        (row.oid(function), (row.byte(kind), direct))
    };
    let known: HashMap<Oid, (u8, usize)> = reader.rows().map(read).collect();
    for function in all {
        if let Some((kind, direct)) = known.get(&function.oid) {
            function.aggregate_kind = *kind;
            function.direct_arguments = *direct;
        }
    }
}

/// All functions, by name.
pub fn functions() -> &'static [Function] {
    &FUNCTIONS.all
}

pub fn function(oid: Oid) -> Option<&'static Function> {
    FUNCTIONS.by_oid.get(&oid).map(|at| &FUNCTIONS.all[usize::from(*at)])
}

/// The functions of this name, of any schema.
pub fn functions_named(name: &str) -> &'static [Function] {
    match FUNCTIONS.by_name.get(name) {
        Some(range) => &FUNCTIONS.all[usize::from(range.start)..usize::from(range.end)],
        None => &[],
    }
}

impl Function {
    /// All parameters, output ones included, in the order of the declaration.
    pub fn parameters(&self) -> Vec<Parameter> {
        let raw = &self.parameters;
        let list = |text: &'static str| match text {
            "\\N" => Vec::new(),
            _ => text
                .trim_matches(['{', '}'])
                .split(',')
                .map(|word| word.trim_matches('"'))
                .collect(),
        };
        let (types, modes, names) = (list(raw.types), list(raw.modes), list(raw.names));
        let types: Vec<Oid> = if types.is_empty() {
            self.arguments.to_vec()
        } else {
            types.iter().filter_map(|oid| oid.parse().ok()).collect()
        };
        let parameter = |(at, data_type): (usize, Oid)| Parameter {
            name: names.get(at).copied().unwrap_or(""),
            data_type,
            mode: match modes.get(at).copied() {
                Some("o") => ParameterMode::Out,
                Some("b") => ParameterMode::InOut,
                Some("v") => ParameterMode::Variadic,
                Some("t") => ParameterMode::Table,
                _ => ParameterMode::In,
            },
        };
        types.into_iter().enumerate().map(parameter).collect()
    }

    /// The names of the parameters that a call gives, in order; empty where there is none.
    pub fn argument_names(&self) -> Vec<&'static str> {
        let given = |parameter: &Parameter| {
            !matches!(parameter.mode, ParameterMode::Out | ParameterMode::Table)
        };
        self.parameters().iter().filter(|p| given(p)).map(|p| p.name).collect()
    }

    /// The columns that it returns by output parameters; none if its result is just a value.
    pub fn outputs(&self) -> Vec<Parameter> {
        let given = |parameter: &Parameter| {
            !matches!(parameter.mode, ParameterMode::In | ParameterMode::Variadic)
        };
        self.parameters().into_iter().filter(given).collect()
    }

    /// The defaults of the last [`default_count`](Self::default_count) parameters, as SQL
    /// expressions separated by commas.
    pub fn defaults(&self) -> Option<&'static str> {
        Some(self.parameters.defaults).filter(|text| *text != "\\N")
    }
}
