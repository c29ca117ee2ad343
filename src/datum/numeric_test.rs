//! Arithmetic, text and rounding of `numeric`.

use std::cmp::Ordering;

use super::numeric::*;
use crate::model::error::SqlState;

fn number(text: &str) -> Numeric {
    Numeric::parse(text).unwrap().unwrap()
}

#[test]
fn text_keeps_its_scale_and_loses_what_means_nothing() {
    for (text, shown) in [
        ("1.50", "1.50"),
        ("-0", "0"),
        ("+007.10", "7.10"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1.5e-3", "0.0015"),
        ("nan", "NaN"),
        ("-inf", "-Infinity"),
        (" 12 ", "12"),
        ("123456789012345678901234567890.000000001", "123456789012345678901234567890.000000001"),
    ] {
        assert_eq!(number(text).to_string(), shown, "{text}");
    }
    for bad in ["", "-", ".", "1e", "1.2.3", "abc", "1_0", "0x10", "- 1"] {
        assert!(Numeric::parse(bad).unwrap().is_none(), "{bad}");
    }
}

#[test]
fn quotients_have_the_scale_that_postgresql_gives_them() {
    for (a, b, quotient) in [
        ("5.0", "2", "2.5000000000000000"),
        ("1", "3", "0.33333333333333333333"),
        ("10", "4", "2.5000000000000000"),
        ("100000000", "3", "33333333.333333333333"),
        ("1", "1e10", "0.0000000001000000000000000000"),
        ("2", "-3", "-0.66666666666666666667"),
        ("123456789012345678901234567890", "987654321", "124999998873437499902"),
    ] {
        assert_eq!(number(a).div(&number(b)).unwrap().to_string(), quotient, "{a} / {b}");
    }
    assert_eq!(number("1").div(&number("0.00")).unwrap_err().state(), SqlState::DIVISION_BY_ZERO);
}

#[test]
fn arithmetic_is_exact() {
    assert_eq!(number("0.1").add(&number("0.2")).unwrap().to_string(), "0.3");
    assert_eq!(number("1").sub(&number("1.00")).unwrap().to_string(), "0.00");
    assert_eq!(number("-1.5").mul(&number("2.25")).unwrap().to_string(), "-3.375");
    assert_eq!(number("-7.5").rem(&number("2")).unwrap().to_string(), "-1.5");
    let big = number("98765432109876543210987654321098765432109876543210");
    let product = big.mul(&number("123456789123456789123456789")).unwrap();
    assert!(product.sub(&product).unwrap().is_zero());
    assert_eq!(product.div(&big).unwrap().round(0).to_string(), "123456789123456789123456789");
}

#[test]
fn rounding_is_half_away_from_zero() {
    for (text, scale, rounded) in [
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("1.005", 2, "1.01"),
        ("1.2", 3, "1.200"),
        ("155", -1, "160"),
        ("0.04", 1, "0.0"),
        ("44", -2, "0"),
    ] {
        assert_eq!(number(text).round(scale).to_string(), rounded, "{text}");
    }
    assert_eq!(number("-1.5").ceil().unwrap().to_string(), "-1");
    assert_eq!(number("-1.5").floor().unwrap().to_string(), "-2");
}

#[test]
fn order_is_by_value() {
    assert_eq!(compare_stored("1.0", "1.00"), Ordering::Equal);
    assert_eq!(compare_stored("-2", "1"), Ordering::Less);
    assert_eq!(compare_stored("10", "9"), Ordering::Greater);
    assert_eq!(compare_stored("NaN", "Infinity"), Ordering::Greater);
}

#[test]
fn modifiers_round_and_refuse_what_does_not_fit() {
    let modifier = ((5 << 16) | 2) + 4;
    assert_eq!(number("123.456").apply_modifier(modifier).unwrap().to_string(), "123.46");
    let error = number("1000").apply_modifier(modifier).unwrap_err();
    assert_eq!(error.message(), "numeric field overflow");
    assert_eq!(
        error.fields().detail.as_deref(),
        Some("A field with precision 5, scale 2 must round to an absolute value less than 10^3.")
    );
}

#[test]
fn roots_have_the_scale_that_postgresql_gives_them() {
    assert_eq!(number("2").sqrt().unwrap().to_string(), "1.414213562373095");
    assert_eq!(number("2.0").sqrt().unwrap().to_string(), "1.414213562373095");
    assert_eq!(number("16").sqrt().unwrap().to_string(), "4.000000000000000");
}
