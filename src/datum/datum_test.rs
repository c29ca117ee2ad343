//! Values against PostgreSQL 15's own answers, and round trips.

use bytes::BytesMut;
use proptest::prelude::*;

use crate::datum::{
    DateOrder, IntervalStyle, Style, calendar, check_time_zone, from_binary, from_text, to_binary,
    to_text,
};
use crate::model::pg_type::{BUILTIN_TYPES, PgType};
use crate::model::value::Value;

/// `type, input, text or !SQLSTATE message, binary in hex`, tab-separated and escaped as COPY does;
/// written by PostgreSQL 15.18 with TimeZone = UTC.
const ORACLE: &str = include_str!("testdata/postgres15.tsv");

fn unescape(field: &str) -> String {
    let mut out = String::new();
    let mut characters = field.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => out.push(match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some(other) => other,
                None => '\\',
            }),
            _ => out.push(c),
        }
    }
    out
}

fn type_named(name: &str) -> PgType {
    let alias = match name {
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "time" => "time without time zone",
        "varchar" => "character varying",
        "timestamp[]" => "timestamp without time zone[]",
        "timestamptz[]" => "timestamp with time zone[]",
        "time[]" => "time without time zone[]",
        "varchar[]" => "character varying[]",
        other => other,
    };
    let known = BUILTIN_TYPES.iter().find(|known| known.sql_name == alias);
    PgType::new(known.unwrap_or_else(|| panic!("no type {name}")).oid)
}

fn shown(data_type: PgType, value: &Value, style: &Style) -> String {
    let mut out = BytesMut::new();
    to_text(data_type, value, style, &mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The text and the binary form (in hex) of a value, once both have given it back.
fn round_trip(data_type: PgType, value: &Value, style: &Style) -> Result<(String, String), String> {
    let mut out = BytesMut::new();
    to_text(data_type, value, style, &mut out).map_err(|error| format!("{value:?}: {error}"))?;
    let text = String::from_utf8(out.to_vec()).map_err(|error| error.to_string())?;
    let mut bytes = BytesMut::new();
    to_binary(data_type, value, &mut bytes).map_err(|error| format!("{value:?}: {error}"))?;
    let through_text = from_text(data_type, &text, style);
    if through_text.as_ref() != Ok(value) {
        return Err(format!("{value:?} through text {text}: {through_text:?}"));
    }
    let through_binary = from_binary(data_type, &bytes);
    if through_binary.as_ref() != Ok(value) {
        return Err(format!("{value:?} through binary {}: {through_binary:?}", hex(&bytes)));
    }
    Ok((text, hex(&bytes)))
}

#[test]
fn values_are_read_and_written_as_postgresql_does() {
    let style = Style::default();
    let mut wrong = Vec::new();
    for line in ORACLE.lines() {
        let fields: Vec<String> = line.split('\t').map(unescape).collect();
        let [name, input, expected, expected_binary] = &fields[..] else { panic!("{line}") };
        let data_type = type_named(name);
        let (text, bytes) = match from_text(data_type, input, &style) {
            Ok(value) => match round_trip(data_type, &value, &style) {
                Ok(written) => written,
                Err(problem) => {
                    wrong.push(format!("{name} {input:?}: {problem}"));
                    continue;
                }
            },
            Err(error) => (format!("!{} {error}", error.state().as_str()), String::new()),
        };
        // cast to text writes booleans out and cuts nothing; output writes t and f
        let expected = match (name.as_str(), expected.as_str()) {
            ("boolean", "true") => "t",
            ("boolean", "false") => "f",
            (_, other) => other,
        };
        if text != expected || bytes != *expected_binary {
            wrong.push(format!(
                "{name} {input:?}\n  got  {text} {bytes}\n  want {expected} {expected_binary}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn text_order_of_stored_times_is_time_order() {
    let style = Style::default();
    let dates = [
        "-infinity",
        "4714-11-24 BC",
        "0044-03-15 BC",
        "0001-12-31 BC",
        "0001-01-01",
        "1999-12-31",
        "9999-12-31",
        "10000-01-01",
        "294276-12-31",
        "5874897-12-31",
        "infinity",
    ];
    let stored: Vec<_> = dates
        .iter()
        .map(|date| match from_text(PgType::DATE, date, &style).unwrap() {
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(stored.is_sorted(), "{stored:?}");
    let times = [
        "2020-01-02 03:04:05",
        "2020-01-02 03:04:05.000001",
        "2020-01-02 03:04:05.1",
        "2020-01-02 03:04:06",
    ];
    for data_type in [PgType::TIMESTAMP, PgType::TIMESTAMPTZ] {
        let stored: Vec<_> = times
            .iter()
            .map(|time| format!("{:?}", from_text(data_type, time, &style).unwrap()))
            .collect();
        assert!(stored.iter().map(|text| text.trim_end_matches(['"', ')'])).is_sorted());
    }
    assert_eq!(
        from_text(PgType::TIMESTAMPTZ, "2020-01-02 03:04:05.6+02", &style).unwrap(),
        Value::Text("2020-01-02 01:04:05.6+00:00".to_owned())
    );
}

#[test]
fn modifiers_limit_and_round() {
    let style = Style::default();
    let read = |oid: u32, modifier: i32, text: &str| {
        let data_type = PgType { oid, modifier };
        match from_text(data_type, text, &style) {
            Ok(value) => shown(data_type, &value, &style),
            Err(error) => format!("!{} {error}", error.state().as_str()),
        }
    };
    assert_eq!(read(1043, 7, "abc   "), "abc");
    assert_eq!(read(1043, 7, "abcd"), "!22001 value too long for type character varying(3)");
    assert_eq!(read(1043, 7, "\u{e9}\u{e9}\u{e9}"), "\u{e9}\u{e9}\u{e9}");
    assert_eq!(read(1042, 7, "a"), "a  ");
    assert_eq!(read(1042, 7, "abcd"), "!22001 value too long for type character(3)");
    assert_eq!(
        from_text(PgType { oid: 1042, modifier: 9 }, "a  ", &style).unwrap(),
        Value::Text("a".to_owned())
    );
    assert_eq!(read(1700, (10 << 16 | 2) + 4, "1.005"), "1.01");
    assert_eq!(read(1114, 0, "2020-01-02 03:04:05.5"), "2020-01-02 03:04:06");
    assert_eq!(read(1114, 3, "1999-01-02 03:04:05.0005"), "1999-01-02 03:04:05");
    assert_eq!(read(1083, 2, "03:04:05.125"), "03:04:05.13");
    assert_eq!(read(1015, 7, "{abc,abcd}"), "!22001 value too long for type character varying(3)");
}

#[test]
fn dates_are_read_by_the_session_s_order() {
    let read = |order: DateOrder, text: &str| {
        let style = Style { date_order: order, ..Style::default() };
        match from_text(PgType::DATE, text, &style) {
            Ok(value) => shown(PgType::DATE, &value, &style),
            Err(error) => error.state().as_str().to_owned(),
        }
    };
    assert_eq!(read(DateOrder::Mdy, "01/02/2020"), "2020-01-02");
    assert_eq!(read(DateOrder::Dmy, "01/02/2020"), "2020-02-01");
    assert_eq!(read(DateOrder::Ymd, "20/02/01"), "2020-02-01");
    assert_eq!(read(DateOrder::Dmy, "13/02/2020"), "2020-02-13");
    assert_eq!(read(DateOrder::Mdy, "13/02/2020"), "22008");
}

#[test]
fn times_are_shown_in_the_session_s_zone() {
    let show = |zone: &str, text: &str| {
        let style = Style { time_zone: check_time_zone(zone).unwrap(), ..Style::default() };
        let value = from_text(PgType::TIMESTAMPTZ, text, &style).unwrap();
        shown(PgType::TIMESTAMPTZ, &value, &style)
    };
    assert_eq!(show("Europe/Berlin", "2020-07-01 12:00+00"), "2020-07-01 14:00:00+02");
    assert_eq!(show("europe/berlin", "2020-01-01 12:00"), "2020-01-01 12:00:00+01");
    assert_eq!(show("Asia/Kolkata", "2020-01-01 12:00Z"), "2020-01-01 17:30:00+05:30");
    assert_eq!(show("America/New_York", "2020-03-08 02:30"), "2020-03-08 03:30:00-04");
    assert_eq!(show("America/New_York", "2020-11-01 01:30"), "2020-11-01 01:30:00-05");
    assert_eq!(show("America/New_York", "1800-01-01 00:00+00"), "1799-12-31 19:03:58-04:56:02");
    assert_eq!(show("Europe/Berlin", "2500-07-01 12:00+00"), "2500-07-01 14:00:00+02");
    assert_eq!(show("2", "2020-07-01 12:00+00"), "2020-07-01 14:00:00+02");
    assert_eq!(show("+02:30", "2020-07-01 12:00+00"), "2020-07-01 09:30:00-02:30");
    assert_eq!(check_time_zone("2").unwrap(), "<+02>-02");
    assert_eq!(check_time_zone("-3.5").unwrap(), "<-03:30>+03:30");
    assert_eq!(check_time_zone("europe/berlin").unwrap(), "Europe/Berlin");
    let refused = check_time_zone("foo/bar").unwrap_err();
    assert_eq!(refused.message(), "invalid value for parameter \"TimeZone\": \"foo/bar\"");
}

#[test]
fn intervals_are_shown_in_the_session_s_style() {
    let show = |interval_style: IntervalStyle, text: &str| {
        let style = Style { interval_style, ..Style::default() };
        let value = from_text(PgType::INTERVAL, text, &style).unwrap();
        let text = shown(PgType::INTERVAL, &value, &style);
        if interval_style != IntervalStyle::SqlStandard {
            assert_eq!(from_text(PgType::INTERVAL, &text, &style).unwrap(), value, "{text}");
        }
        text
    };
    let long = "1 year 2 mons -3 days 04:05:06.7";
    assert_eq!(show(IntervalStyle::Iso8601, long), "P1Y2M-3DT4H5M6.7S");
    assert_eq!(show(IntervalStyle::Iso8601, "0"), "PT0S");
    assert_eq!(show(IntervalStyle::Iso8601, "-0.5 sec"), "PT-0.5S");
    assert_eq!(
        show(IntervalStyle::PostgresVerbose, long),
        "@ 1 year 2 mons -3 days 4 hours 5 mins 6.7 secs"
    );
    assert_eq!(show(IntervalStyle::PostgresVerbose, "-1 day"), "@ 1 day ago");
    assert_eq!(show(IntervalStyle::PostgresVerbose, "0"), "@ 0");
    assert_eq!(show(IntervalStyle::SqlStandard, long), "+1-2 -3 +4:05:06.7");
    assert_eq!(show(IntervalStyle::SqlStandard, "-1-2"), "-1-2");
    assert_eq!(show(IntervalStyle::SqlStandard, "3 4:05:06"), "3 4:05:06");
}

#[test]
fn floats_are_shown_with_the_digits_asked_for() {
    let show = |extra_float_digits: i8, oid: u32, number: f64| {
        let style = Style { extra_float_digits, ..Style::default() };
        shown(PgType::new(oid), &Value::Real(number), &style)
    };
    assert_eq!(show(0, 701, 0.1 + 0.2), "0.3");
    assert_eq!(show(1, 701, 0.1 + 0.2), "0.30000000000000004");
    assert_eq!(show(-15, 701, 123.0), "1e+02");
    assert_eq!(show(0, 700, 1.0 / 3.0), "0.333333");
    assert_eq!(show(0, 701, 1e15), "1e+15");
}

#[test]
fn hostile_binary_is_an_error_not_a_panic() {
    for known in BUILTIN_TYPES {
        for length in 0..40 {
            for fill in [0_u8, 1, 0x7f, 0xff] {
                drop(from_binary(PgType::new(known.oid), &vec![fill; length]));
            }
        }
    }
    let huge = [0_i32, 2].iter().flat_map(|_| [0, 0, 0, 2]).collect::<Vec<u8>>();
    assert!(from_binary(PgType::INT4_ARRAY, &huge).is_err());
    // two dimensions of 2^30 elements, and no element
    let mut claim = Vec::new();
    for field in [2, 0, 23, 1 << 30, 1, 1 << 30, 1] {
        claim.extend_from_slice(&i32::to_be_bytes(field));
    }
    let refused = from_binary(PgType::INT4_ARRAY, &claim).unwrap_err();
    assert_eq!(refused.state().as_str(), "08P01");
    let deep = "[".repeat(100_000);
    assert_eq!(
        from_text(PgType::JSON, &deep, &Style::default()).unwrap_err().state().as_str(),
        "54001"
    );
}

proptest! {
    #[test]
    fn doubles_round_trip(bits: u64) {
        let number = f64::from_bits(bits);
        let value = if number.is_nan() { Value::Text("NaN".to_owned()) } else { Value::Real(number) };
        prop_assert!(round_trip(PgType::FLOAT8, &value, &Style::default()).is_ok());
    }

    #[test]
    fn reals_round_trip(bits: u32) {
        let number = f32::from_bits(bits);
        prop_assume!(!number.is_nan());
        prop_assert!(round_trip(PgType::FLOAT4, &Value::Real(f64::from(number)), &Style::default()).is_ok());
    }

    #[test]
    fn timestamps_round_trip_in_any_zone(
        micros in -211_813_488_000_000_000_i64..9_223_371_331_200_000_000,
        zone in prop::sample::select(vec!["UTC", "America/St_Johns", "Pacific/Apia", "<+05>-05"]),
    ) {
        let style = Style { time_zone: zone.to_owned(), ..Style::default() };
        let value = Value::Text(calendar::store_timestamp(micros, true));
        let mut bytes = BytesMut::new();
        to_binary(PgType::TIMESTAMPTZ, &value, &mut bytes).unwrap();
        prop_assert_eq!(&bytes[..], &micros.to_be_bytes()[..]);
        let text = shown(PgType::TIMESTAMPTZ, &value, &style);
        prop_assert_eq!(from_text(PgType::TIMESTAMPTZ, &text, &style).unwrap(), value, "{}", text);
    }

    #[test]
    fn stored_timestamps_order_as_their_moments(a: i64, b: i64) {
        let clamp = |micros: i64| micros.clamp(-211_813_488_000_000_000, 9_223_371_331_199_999_999);
        let (a, b) = (clamp(a), clamp(b));
        prop_assert_eq!(calendar::store_timestamp(a, true).cmp(&calendar::store_timestamp(b, true)), a.cmp(&b));
    }

    #[test]
    fn text_arrays_round_trip(items in prop::collection::vec(prop::option::of("[^\u{0}]{0,8}"), 0..5)) {
        let element = |item: Option<String>| item.map_or(Value::Null, Value::Text);
        let elements: Vec<_> = items.into_iter().map(element).collect();
        let lengths = if elements.is_empty() { vec![] } else { vec![elements.len()] };
        let stored = crate::datum::array::store(PgType::TEXT, &crate::datum::array::Array { lengths, elements });
        let result = round_trip(PgType::TEXT_ARRAY, &Value::Text(stored), &Style::default());
        prop_assert!(result.is_ok(), "{:?}", result);
    }

    #[test]
    fn intervals_round_trip(months: i32, days: i32, micros in -9_000_000_000_000_000_000_i64..9_000_000_000_000_000_000) {
        let interval = crate::datum::interval::Interval { months, days, micros };
        let result = round_trip(PgType::INTERVAL, &Value::Text(interval.store()), &Style::default());
        prop_assert!(result.is_ok(), "{:?}", result);
    }

    #[test]
    fn numerics_round_trip(text in "-?[1-9][0-9]{0,30}(\\.[0-9]{1,20})?") {
        let value = from_text(PgType::NUMERIC, &text, &Style::default()).unwrap();
        prop_assert!(round_trip(PgType::NUMERIC, &value, &Style::default()).is_ok());
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,30}", at in 0..BUILTIN_TYPES.len()) {
        drop(from_text(PgType::new(BUILTIN_TYPES[at].oid), &text, &Style::default()));
    }

    #[test]
    fn date_like_text_is_read_or_refused(text in "[0-9a-zTZ:+./ -]{0,24}") {
        for data_type in [PgType::DATE, PgType::TIME, PgType::TIMESTAMPTZ, PgType::INTERVAL] {
            drop(from_text(data_type, &text, &Style::default()));
        }
    }
}
