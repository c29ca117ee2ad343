//! Sets of small numbers as ranges, beside the same sets as bits.

use bytes::BytesMut;
use proptest::prelude::*;

use crate::datum::range::{Bound, Kind, Span};
use crate::datum::{Style, from_binary, from_text, to_binary, to_text};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// Bits for the numbers from 0 on.
const NUMBERS: i64 = 16;

fn kind() -> Kind {
    Kind::of(PgType::INT4MULTIRANGE.oid).unwrap()
}

/// The numbers of a set as spans of one number each, in order.
fn spans(bits: u16) -> Vec<Span> {
    let kind = kind();
    let all = (0..NUMBERS).filter(|number| bits & (1 << number) != 0).map(|number| {
        let bound = Some(Value::Integer(number));
        kind.make(Bound::lower(bound.clone(), true), Bound::upper(bound, true)).unwrap().unwrap()
    });
    kind.united(all.rev().collect()).unwrap()
}

fn bits(spans: &[Span]) -> u16 {
    let has = |number: &i64| kind().contains_value(spans, &Value::Integer(*number)).unwrap();
    (0..NUMBERS).filter(has).fold(0, |bits, number| bits | (1 << number))
}

proptest! {
    #[test]
    fn sets_of_numbers_are_what_their_bits_are(a: u16, b: u16) {
        let kind = kind();
        let (left, right) = (spans(a), spans(b));
        prop_assert_eq!(bits(&left), a);
        prop_assert_eq!(&kind.load(&kind.store(&left)).unwrap(), &left);
        let mut both = left.clone();
        both.extend(right.clone());
        prop_assert_eq!(kind.united(both).unwrap(), spans(a | b));
        prop_assert_eq!(kind.intersection(&left, &right).unwrap(), spans(a & b));
        prop_assert_eq!(kind.difference(left.clone(), &right).unwrap(), spans(a & !b));
        prop_assert_eq!(kind.contains(&left, &right).unwrap(), b & !a == 0);
        prop_assert_eq!(kind.overlaps(&left, &right).unwrap(), a & b != 0);
        let (last, first) = (15 - a.leading_zeros() as i32, b.trailing_zeros() as i32);
        let before = a != 0 && b != 0 && last < first;
        prop_assert_eq!(kind.is_before(&left, &right).unwrap(), before);
        prop_assert_eq!(kind.compare(&left, &right).unwrap().is_eq(), a == b);
        prop_assert_eq!(
            kind.compare(&left, &right).unwrap(),
            kind.compare(&right, &left).unwrap().reverse()
        );
    }

    #[test]
    fn both_forms_give_the_value_again(a: u16) {
        let data_type = PgType::INT4MULTIRANGE;
        let stored = Value::Text(kind().store(&spans(a)));
        let (mut text, mut binary) = (BytesMut::new(), BytesMut::new());
        to_text(data_type, &stored, &Style::default(), &mut text).unwrap();
        to_binary(data_type, &stored, &mut binary).unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        prop_assert_eq!(&from_text(data_type, text, &Style::default()).unwrap(), &stored);
        prop_assert_eq!(&from_binary(data_type, &binary).unwrap(), &stored);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        for oid in [PgType::TSTZRANGE, PgType::NUMMULTIRANGE, PgType::INT8RANGE_ARRAY] {
            drop(from_binary(oid, &bytes));
        }
    }
}

#[test]
fn bounds_with_special_characters_are_quoted_and_read_again() {
    let kind = Kind { subtype: PgType::TEXT, is_discrete: false, is_multirange: false };
    for bound in ["a b", "", "\"", "\\", "(", "]", ",", "é", "\"\"\\\\"] {
        let value = Some(Value::Text(bound.to_owned()));
        let lower = Bound::lower(value.clone(), true);
        let span = kind.make(lower, Bound::upper(value, true)).unwrap().unwrap();
        let stored = kind.store(std::slice::from_ref(&span));
        assert_eq!(kind.load(&stored).unwrap(), [span], "{stored}");
    }
    let multirange = Kind { is_multirange: true, ..kind };
    let read = |text: &str| multirange.from_text(text, &Style::default()).unwrap();
    assert_eq!(read(r#"{["]""",b), (c\),"d}")}"#), Value::Text(r#"{["]""",b),("c)",d})}"#.into()));
}

#[test]
fn a_range_ends_where_its_type_does() {
    let read = |data_type, text| from_text(data_type, text, &Style::default());
    let error = |data_type, text| read(data_type, text).unwrap_err().message().to_owned();
    assert_eq!(error(PgType::INT4RANGE, "[1,2147483647]"), "integer out of range");
    assert_eq!(error(PgType::INT8RANGE, "(9223372036854775807,)"), "bigint out of range");
    assert_eq!(error(PgType::DATERANGE, "[2020-01-01,5874897-12-31]"), "date out of range");
    let infinite = Value::Text("[2020-01-01,infinity]".to_owned());
    assert_eq!(read(PgType::DATERANGE, "[2020-01-01,infinity]"), Ok(infinite));
}
