//! Typed expressions as trees: made at random, written as SQL, and made smaller.

use std::fmt::{self, Display, Formatter};

use super::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Int,
    Bigint,
    Numeric,
    Float,
    Text,
    Boolean,
    Date,
    Timestamp,
}

use Type::{Bigint, Boolean, Date, Float, Int, Numeric, Text, Timestamp};

pub const TYPES: [Type; 8] = [Int, Bigint, Numeric, Float, Text, Boolean, Date, Timestamp];

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Int => "int",
            Bigint => "bigint",
            Numeric => "numeric(10,3)",
            Float => "float8",
            Text => "text",
            Boolean => "boolean",
            Date => "date",
            Timestamp => "timestamp",
        }
    }

    /// The column of this type in every table.
    pub fn column(self) -> &'static str {
        match self {
            Int => "i",
            Bigint => "b",
            Numeric => "n",
            Float => "f",
            Text => "t",
            Boolean => "o",
            Date => "d",
            Timestamp => "s",
        }
    }

    /// Constants, the simplest first.
    pub fn constants(self) -> &'static [&'static str] {
        match self {
            Int => &["1", "0", "-7", "42", "2147483647", "NULL::int"],
            Bigint => {
                &["1::bigint", "0::bigint", "-3000000000", "9223372036854775807", "NULL::bigint"]
            }
            Numeric => &["1.5", "0.0", "-2.25", "1000000.001", "0.10", "NULL::numeric"],
            Float => &["0.5::float8", "0::float8", "-1e10::float8", "1e-3::float8", "NULL::float8"],
            Text => &[
                "'a'::text",
                "''::text",
                "'Hello'::text",
                "'a b'::text",
                "'10'::text",
                "'é%_'::text",
                "NULL::text",
            ],
            Boolean => &["true", "false", "NULL::boolean"],
            Date => &["date '2024-02-29'", "date '1999-12-31'", "date '2000-01-01'", "NULL::date"],
            Timestamp => &[
                "timestamp '2024-02-29 12:34:56'",
                "timestamp '1999-12-31 23:59:59.5'",
                "NULL::timestamp",
            ],
        }
    }
}

/// A way to make a value: its type, how it is written with `{}` for each operand, and their types.
type Shape = (Type, &'static str, &'static [Type]);

const SHAPES: &[Shape] = &[
    (Int, "({} + {})", &[Int, Int]),
    (Int, "({} - {})", &[Int, Int]),
    (Int, "({} * {})", &[Int, Int]),
    (Int, "({} / {})", &[Int, Int]),
    (Int, "({} % {})", &[Int, Int]),
    (Int, "(- {})", &[Int]),
    (Int, "abs({})", &[Int]),
    (Int, "({} & {})", &[Int, Int]),
    (Int, "({} | {})", &[Int, Int]),
    (Int, "length({})", &[Text]),
    (Int, "strpos({}, {})", &[Text, Text]),
    (Int, "({})::int", &[Numeric]),
    (Int, "({})::int", &[Float]),
    (Int, "({})::int", &[Boolean]),
    (Int, "({} - {})", &[Date, Date]),
    (Int, "coalesce({}, {})", &[Int, Int]),
    (Int, "nullif({}, {})", &[Int, Int]),
    (Int, "greatest({}, {})", &[Int, Int]),
    (Int, "CASE WHEN {} THEN {} ELSE {} END", &[Boolean, Int, Int]),
    (Int, "CASE {} WHEN {} THEN {} END", &[Int, Int, Int]),
    (Bigint, "({} + {})", &[Bigint, Int]),
    (Bigint, "({} * {})", &[Bigint, Bigint]),
    (Bigint, "({} / {})", &[Bigint, Bigint]),
    (Bigint, "({})::bigint", &[Int]),
    (Bigint, "({})::bigint", &[Numeric]),
    (Bigint, "mod({}, {})", &[Bigint, Bigint]),
    (Bigint, "least({}, {})", &[Bigint, Int]),
    (Bigint, "coalesce({}, {})", &[Bigint, Int]),
    (Numeric, "({} + {})", &[Numeric, Numeric]),
    (Numeric, "({} - {})", &[Numeric, Int]),
    (Numeric, "({} * {})", &[Numeric, Numeric]),
    (Numeric, "({} / {})", &[Numeric, Numeric]),
    (Numeric, "({} % {})", &[Numeric, Numeric]),
    (Numeric, "round({}, 1)", &[Numeric]),
    (Numeric, "trunc({})", &[Numeric]),
    (Numeric, "ceil({})", &[Numeric]),
    (Numeric, "({})::numeric", &[Int]),
    (Numeric, "({})::numeric(8,2)", &[Numeric]),
    (Numeric, "coalesce({}, {})", &[Numeric, Int]),
    (Numeric, "extract(month from {})", &[Date]),
    (Float, "({} + {})", &[Float, Float]),
    (Float, "({} * {})", &[Float, Int]),
    (Float, "({} / {})", &[Float, Float]),
    (Float, "({})::float8", &[Numeric]),
    (Float, "floor({})", &[Float]),
    (Float, "round({})", &[Float]),
    (Float, "sqrt(abs({}))", &[Float]),
    (Text, "({} || {})", &[Text, Text]),
    (Text, "({} || {})", &[Text, Int]),
    (Text, "({})::text", &[Int]),
    (Text, "({})::text", &[Numeric]),
    (Text, "({})::text", &[Float]),
    (Text, "({})::text", &[Boolean]),
    (Text, "({})::text", &[Date]),
    (Text, "({})::text", &[Timestamp]),
    (Text, "upper({})", &[Text]),
    (Text, "lower({})", &[Text]),
    (Text, "trim({})", &[Text]),
    (Text, "substr({}, {}, 3)", &[Text, Int]),
    (Text, "left({}, {} % 5)", &[Text, Int]),
    (Text, "replace({}, {}, {})", &[Text, Text, Text]),
    (Text, "lpad({}, 4, {})", &[Text, Text]),
    (Text, "concat({}, {}, {})", &[Text, Int, Boolean]),
    (Text, "coalesce({}, {})", &[Text, Text]),
    (Text, "CASE WHEN {} THEN {} END", &[Boolean, Text]),
    (Boolean, "({} = {})", &[Int, Int]),
    (Boolean, "({} < {})", &[Int, Bigint]),
    (Boolean, "({} >= {})", &[Numeric, Int]),
    (Boolean, "({} = {})", &[Numeric, Numeric]),
    (Boolean, "({} <> {})", &[Text, Text]),
    (Boolean, "({} < {})", &[Text, Text]),
    (Boolean, "({} > {})", &[Float, Numeric]),
    (Boolean, "({} < {})", &[Date, Timestamp]),
    (Boolean, "({} >= {})", &[Date, Date]),
    (Boolean, "({} AND {})", &[Boolean, Boolean]),
    (Boolean, "({} OR {})", &[Boolean, Boolean]),
    (Boolean, "(NOT {})", &[Boolean]),
    (Boolean, "({} IS NULL)", &[Int]),
    (Boolean, "({} IS NOT NULL)", &[Text]),
    (Boolean, "({} IS DISTINCT FROM {})", &[Numeric, Numeric]),
    (Boolean, "({} IS NOT TRUE)", &[Boolean]),
    (Boolean, "({} IN ({}, {}))", &[Int, Int, Int]),
    (Boolean, "({} NOT IN ({}, {}))", &[Text, Text, Text]),
    (Boolean, "({} BETWEEN {} AND {})", &[Numeric, Int, Numeric]),
    (Boolean, "({} LIKE {})", &[Text, Text]),
    (Boolean, "({} LIKE 'a%')", &[Text]),
    (Boolean, "EXISTS (SELECT 1 FROM u z WHERE z.i = {})", &[Int]),
    (Boolean, "({} IN (SELECT z.i FROM u z))", &[Int]),
    (Boolean, "(({}, {}) = ({}, {}))", &[Int, Text, Int, Text]),
    (Date, "({} + {} % 100)", &[Date, Int]),
    (Date, "({})::date", &[Timestamp]),
    (Date, "coalesce({}, {})", &[Date, Date]),
    (Date, "least({}, {})", &[Date, Date]),
    (Timestamp, "({})::timestamp", &[Date]),
    (Timestamp, "date_trunc('month', {})", &[Timestamp]),
    (Timestamp, "({} + interval '1 month')", &[Timestamp]),
    (Timestamp, "({} - interval '36 hours')", &[Timestamp]),
    (Timestamp, "greatest({}, {})", &[Timestamp, Timestamp]),
];

/// Aggregates.
const SUMS: &[Shape] = &[
    (Bigint, "count({})", &[Int]),
    (Bigint, "count(DISTINCT {})", &[Text]),
    (Bigint, "sum({})", &[Int]),
    (Numeric, "sum({})", &[Numeric]),
    (Numeric, "avg({})", &[Int]),
    (Int, "min({})", &[Int]),
    (Text, "max({})", &[Text]),
    (Numeric, "max({})", &[Numeric]),
    (Boolean, "bool_or({})", &[Boolean]),
    (Date, "min({})", &[Date]),
    (Bigint, "count(*) FILTER (WHERE {})", &[Boolean]),
];

#[derive(Debug, Clone)]
pub struct Expression {
    data_type: Type,
    text: String,
    operands: Vec<Expression>,
}

impl Expression {
    /// `tables` are the names whose columns it may use.
    pub fn random(random: &mut Random, data_type: Type, tables: &[&str], depth: usize) -> Self {
        if depth == 0 || random.one_in(4) {
            let text = if tables.is_empty() || random.one_in(3) {
                random.pick(data_type.constants()).to_owned()
            } else {
                format!("{}.{}", random.pick(tables), data_type.column())
            };
            return Self { data_type, text, operands: Vec::new() };
        }
        let fitting: Vec<_> = SHAPES.iter().filter(|(result, ..)| *result == data_type).collect();
        let shape = fitting[random.below(fitting.len())];
        Self::of_shape(random, shape, tables, depth)
    }

    /// A column of one of the tables.
    pub fn column(random: &mut Random, data_type: Type, tables: &[&str]) -> Self {
        let text = format!("{}.{}", random.pick(tables), data_type.column());
        Self { data_type, text, operands: Vec::new() }
    }

    /// A condition that is written as it is.
    pub fn verbatim(text: String) -> Self {
        Self { data_type: Boolean, text, operands: Vec::new() }
    }

    pub fn aggregate(random: &mut Random, tables: &[&str]) -> Self {
        let shape = &SUMS[random.below(SUMS.len())];
        Self::of_shape(random, shape, tables, 2)
    }

    fn of_shape(random: &mut Random, shape: &Shape, tables: &[&str], depth: usize) -> Self {
        let (data_type, text, operands) = shape;
        let operand = |of: &Type| Self::random(random, *of, tables, depth - 1);
        Self {
            data_type: *data_type,
            text: (*text).to_owned(),
            operands: operands.iter().map(operand).collect(),
        }
    }

    /// The same with one part left out or made a constant.
    pub fn smaller(&self) -> Vec<Self> {
        let mut smaller: Vec<Self> =
            self.operands.iter().filter(|one| one.data_type == self.data_type).cloned().collect();
        if !self.operands.is_empty() && !self.text.contains("count") {
            for constant in self.data_type.constants() {
                let text = (*constant).to_owned();
                smaller.push(Self { data_type: self.data_type, text, operands: Vec::new() });
            }
        } else if !self.data_type.constants().contains(&self.text.as_str()) {
            let text = self.data_type.constants()[0].to_owned();
            smaller.push(Self { data_type: self.data_type, text, operands: Vec::new() });
        }
        for (place, operand) in self.operands.iter().enumerate() {
            for part in operand.smaller() {
                let mut whole = self.clone();
                whole.operands[place] = part;
                smaller.push(whole);
            }
        }
        smaller
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut operands = self.operands.iter();
        for (place, part) in self.text.split("{}").enumerate() {
            if place > 0 {
                write!(f, "{}", operands.next().expect("one for each {}"))?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}
