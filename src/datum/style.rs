//! Settings that decide how values are shown and read.

/// Settings that values are shown and read by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Style {
    /// An IANA name, or a fixed offset as PostgreSQL writes it.
    pub time_zone: String,
    /// Whether `01/02/2020` is 1 February (DMY), 2 January (MDY), or YMD.
    pub date_order: DateOrder,
    pub date_format: DateFormat,
    pub interval_style: IntervalStyle,
    /// `extra_float_digits`: -15 to 3. From 1 on, the shortest text that reads back the same.
    pub extra_float_digits: i8,
    /// `bytea_output = escape`.
    pub bytea_escape: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            date_order: DateOrder::Mdy,
            date_format: DateFormat::Iso,
            interval_style: IntervalStyle::Postgres,
            extra_float_digits: 1,
            bytea_escape: false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateOrder {
    Mdy,
    Dmy,
    Ymd,
}

/// How dates and timestamps are shown. All but ISO have the day before the month in
/// [`DateOrder::Dmy`] (German always), and name the time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateFormat {
    /// `2024-06-15 12:34:56+00`
    Iso,
    /// `06/15/2024 12:34:56 UTC`
    Sql,
    /// `Sat Jun 15 12:34:56 2024 UTC`, and `06-15-2024` for a date.
    Postgres,
    /// `15.06.2024 12:34:56 UTC`
    German,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IntervalStyle {
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

/// Between the settings in an encoded style; no time zone's name has it.
const SEPARATOR: char = ';';

impl Style {
    /// Whether all but the time zone is as it is by default.
    pub fn is_plain(&self) -> bool {
        let zone = self.time_zone.clone();
        *self == Self { time_zone: zone, ..Self::default() }
    }

    /// As one text, for functions that run in SQLite. Just the time zone, if the rest is as it is
    /// by default.
    pub fn encode(&self) -> String {
        if self.is_plain() {
            return self.time_zone.clone();
        }
        let order = match self.date_order {
            DateOrder::Mdy => "mdy",
            DateOrder::Dmy => "dmy",
            DateOrder::Ymd => "ymd",
        };
        let interval = match self.interval_style {
            IntervalStyle::Postgres => "postgres",
            IntervalStyle::PostgresVerbose => "verbose",
            IntervalStyle::SqlStandard => "sql",
            IntervalStyle::Iso8601 => "iso",
        };
        let bytea = if self.bytea_escape { "escape" } else { "hex" };
        let format = match self.date_format {
            DateFormat::Iso => "iso",
            DateFormat::Sql => "sql",
            DateFormat::Postgres => "postgres",
            DateFormat::German => "german",
        };
        let (zone, digits) = (&self.time_zone, self.extra_float_digits);
        format!("{zone};{order};{interval};{digits};{bytea};{format}")
    }

    /// What [`encode`](Self::encode) made; what is missing is as it is by default.
    pub fn decode(text: &str) -> Self {
        let mut parts = text.split(SEPARATOR);
        let mut next = || parts.next().unwrap_or_default();
        Self {
            time_zone: next().to_owned(),
            date_order: match next() {
                "dmy" => DateOrder::Dmy,
                "ymd" => DateOrder::Ymd,
                _ => DateOrder::Mdy,
            },
            interval_style: match next() {
                "verbose" => IntervalStyle::PostgresVerbose,
                "sql" => IntervalStyle::SqlStandard,
                "iso" => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            },
            extra_float_digits: next().parse().unwrap_or(1),
            bytea_escape: next() == "escape",
            date_format: match next() {
                "sql" => DateFormat::Sql,
                "postgres" => DateFormat::Postgres,
                "german" => DateFormat::German,
                _ => DateFormat::Iso,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_survives_being_a_text() {
        for style in [
            Style::default(),
            Style { time_zone: "<+02>-02".to_owned(), ..Style::default() },
            Style {
                time_zone: "Europe/Berlin".to_owned(),
                date_order: DateOrder::Ymd,
                interval_style: IntervalStyle::Iso8601,
                extra_float_digits: -3,
                bytea_escape: true,
                ..Style::default()
            },
            Style { date_format: DateFormat::German, ..Style::default() },
        ] {
            assert_eq!(Style::decode(&style.encode()), style);
        }
        assert_eq!(Style::default().encode(), "UTC");
    }
}
