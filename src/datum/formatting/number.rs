//! `to_char` and `to_number` of numbers.

use crate::datum::formatting::number_template::{Anchored, Key, NumberTemplate, Part};
use crate::datum::formatting::ordinal;
use crate::datum::numeric::Numeric;
use crate::model::error::{Error, SqlState};

/// A number being written by a template.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the number")]
struct Writer<'a> {
    template: &'a NumberTemplate,
    negative: bool,
    /// What is left of the digits to be written, the point among them.
    digits: Vec<char>,
    at: usize,
    /// The place of the last digit that isn't a mere zero after the point; with `FM` only.
    last_relevant: Option<usize>,
    /// Places of the template before the first digit.
    blanks: usize,
    /// Places of the template so far.
    place: usize,
    places: usize,
    sign_written: bool,
    anchored: Anchored,
    bracket: bool,
    any_digit: bool,
    out: String,
}

/// Shows a number that has been rounded to the template's digits, as plain digits with a sign.
///
/// # Errors
/// None yet; kept for templates that turn out not to fit.
pub fn number_to_char(template: &NumberTemplate, rounded: &str) -> Result<String, Error> {
    let (negative, digits) = match rounded.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, rounded),
    };
    if template.roman {
        return Ok(roman(template, negative, digits));
    }
    let whole = digits.find('.').unwrap_or(digits.len());
    let pre = template.pre + template.shift;
    let digits: Vec<char> = if whole > pre {
        let mut hashes = vec!['#'; pre + template.post + 1];
        hashes[pre] = '.';
        hashes
    } else {
        digits.chars().collect()
    };
    let mut writer = Writer {
        template,
        negative,
        last_relevant: None,
        blanks: pre.saturating_sub(whole),
        digits,
        at: 0,
        place: 0,
        places: (template.post + pre).saturating_sub(1),
        sign_written: false,
        anchored: template.anchored,
        bracket: template.bracket,
        any_digit: false,
        out: String::new(),
    };
    writer.prepare(pre);
    for part in &template.parts {
        match part {
            Part::Text(c) => writer.out.push(*c),
            Part::Key(key) => writer.key(*key),
        }
    }
    Ok(writer.out)
}

impl Writer<'_> {
    fn prepare(&mut self, pre: usize) {
        let template = self.template;
        if template.plus || template.minus {
            self.sign_written = !template.plus || template.minus;
        } else {
            if !self.negative && template.fill {
                self.bracket = false;
            }
            self.sign_written = !self.negative && template.fill && self.anchored == Anchored::No;
            if self.anchored == Anchored::Before && pre == template.pre_at_sign {
                self.anchored = Anchored::After;
            }
        }
        if template.fill
            && template.point
            && let Some(point) = self.digits.iter().position(|c| *c == '.')
        {
            let last = self.digits.iter().rposition(|c| *c != '0').unwrap_or(point).max(point);
            let kept = if template.zero_end > self.blanks {
                last.max((self.digits.len() - 1).min(template.zero_end - self.blanks))
            } else {
                last
            };
            self.last_relevant = Some(kept);
        }
        if !self.sign_written && self.blanks == 0 {
            self.places += 1;
        }
    }

    /// The next digit, if there is one.
    fn current(&self) -> Option<char> {
        self.digits.get(self.at).copied()
    }

    fn ends_at_point(&self) -> bool {
        self.last_relevant.is_some_and(|last| self.digits.get(last) == Some(&'.'))
    }

    /// Whether the 0 of `0.5` is left out.
    fn is_leading_zero(&self) -> bool {
        self.template.zero_start.is_none()
            && self.at == 0
            && self.current() == Some('0')
            && self.template.post != 0
    }

    fn key(&mut self, key: Key) {
        let fill = self.template.fill;
        match key {
            Key::Nine | Key::Zero | Key::Point => self.digit(key),
            Key::Comma => {
                if self.any_digit {
                    self.out.push(',');
                } else if !fill {
                    self.out.push(' ');
                }
            }
            Key::Currency => self.out.push(' '),
            Key::Minus => {
                if self.negative {
                    self.out.push('-');
                } else if !fill {
                    self.out.push(' ');
                }
            }
            Key::Plus => {
                if !self.negative {
                    self.out.push('+');
                } else if !fill {
                    self.out.push(' ');
                }
            }
            Key::Sign => self.out.push(if self.negative { '-' } else { '+' }),
            Key::Ordinal { upper } => {
                if !self.negative && !self.template.point && self.digits.first() != Some(&'#') {
                    let digits: String = self.digits.iter().collect();
                    self.out.push_str(ordinal(&digits, upper));
                }
            }
            Key::Roman { .. } => {}
        }
    }

    fn sign(&mut self) {
        let zero_here = self.template.zero_start == Some(self.place);
        let due = self.place >= self.blanks || zero_here;
        if self.sign_written || !due || (self.is_leading_zero() && !self.ends_at_point()) {
            return;
        }
        self.sign_written = true;
        match self.anchored {
            Anchored::Before => self.out.push(if self.negative { '-' } else { '+' }),
            Anchored::After => {}
            Anchored::No if self.bracket => self.out.push(if self.negative { '<' } else { ' ' }),
            Anchored::No if self.negative => self.out.push('-'),
            Anchored::No if !self.template.fill => self.out.push(' '),
            Anchored::No => {}
        }
    }

    fn digit(&mut self, key: Key) {
        self.sign();
        let zeros_from = self.template.zero_start;
        let fill = self.template.fill;
        if self.place < self.blanks && zeros_from.is_none_or(|start| start > self.place) {
            if !fill {
                self.out.push(' ');
            }
        } else if self.place < self.blanks {
            self.out.push('0');
            self.any_digit = true;
        } else {
            self.number_part(key);
            if self.current().is_some() {
                self.at += 1;
            }
        }
        let mut end = self.places + usize::from(self.blanks > 0) + usize::from(self.template.point);
        if self.last_relevant == Some(self.at) {
            end = self.place;
        }
        if self.place + 1 == end {
            if self.sign_written && self.bracket {
                self.out.push(if self.negative { '>' } else { ' ' });
            } else if self.anchored == Anchored::After {
                self.out.push(if self.negative { '-' } else { '+' });
            }
        }
        self.place += 1;
    }

    fn number_part(&mut self, key: Key) {
        let fill = self.template.fill;
        match self.current() {
            Some('.') if self.ends_at_point() && !fill => {}
            Some('.') => self.out.push('.'),
            Some(c) => {
                let cut = self.last_relevant.is_some_and(|last| self.at > last);
                if cut && key != Key::Zero {
                    return;
                }
                if self.is_leading_zero() {
                    if !fill {
                        self.out.push(' ');
                    } else if self.ends_at_point() {
                        self.out.push('0');
                    }
                } else {
                    self.out.push(c);
                    self.any_digit = true;
                }
            }
            None => {}
        }
    }
}

fn roman(template: &NumberTemplate, negative: bool, digits: &str) -> String {
    const VALUES: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let whole = digits.split('.').next().unwrap_or(digits);
    let mut left = whole.parse::<i64>().unwrap_or(0);
    let mut out = String::new();
    if negative || !(1..=3999).contains(&left) {
        out = "#".repeat(15);
    } else {
        for (value, letters) in VALUES {
            while left >= value {
                out.push_str(letters);
                left -= value;
            }
        }
    }
    if template.parts.contains(&Part::Key(Key::Roman { upper: false })) {
        out = out.to_lowercase();
    }
    if template.fill { out } else { format!("{out:>15}") }
}

/// `EEEE`: a number in scientific notation, with a blank or a sign in front.
pub fn scientific(template: &NumberTemplate, value: f64) -> String {
    if !value.is_finite() {
        return "#".repeat(template.post + 7);
    }
    let text = format!("{value:.*e}", template.post);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    let blank = if mantissa.starts_with('-') { "" } else { " " };
    format!("{blank}{mantissa}e{sign}{exponent:0>2}")
}

/// Reads a number by a template: digits, sign and point, where the template has them.
///
/// # Errors
/// 22P02 if there is no number.
pub fn to_number(text: &str, template: &str) -> Result<Numeric, Error> {
    let template = NumberTemplate::parse(template)?;
    let mut digits = String::new();
    let mut negative = false;
    let (mut before, mut after, mut point) = (0, 0, false);
    let mut overlong = false;
    for c in text.chars() {
        match c {
            '-' | '<' => negative = true,
            '.' if template.point && !point => {
                point = true;
                digits.push('.');
            }
            '.' => break,
            '0'..='9' => {
                let limit = if point { template.post } else { template.pre + template.shift };
                let count = if point { &mut after } else { &mut before };
                if *count < limit {
                    *count += 1;
                    digits.push(c);
                } else {
                    overlong = true;
                }
                if overlong && !point {
                    break;
                }
            }
            _ => {}
        }
    }
    if before + after == 0 {
        return Err(Error::user(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!(
                "invalid input syntax for type numeric: \"{}\"",
                if text.is_empty() { " " } else { text }
            ),
        ));
    }
    let sign = if negative { "-" } else { "" };
    let number = Numeric::parse(&format!("{sign}{digits}"))?.unwrap_or(Numeric::NaN);
    if template.shift == 0 {
        return Ok(number.round(template.post as i32));
    }
    let divisor = Numeric::parse(&format!("1e{}", template.shift))?.unwrap_or(Numeric::NaN);
    number.div(&divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str, template: &str) -> String {
        let template = NumberTemplate::parse(template).unwrap();
        let mut number = Numeric::parse(value).unwrap().unwrap();
        if template.moved_by() > 0 {
            let by = Numeric::parse(&format!("1e{}", template.moved_by())).unwrap().unwrap();
            number = number.mul(&by).unwrap();
        }
        let rounded = number.round(template.digits_after_point() as i32).to_string();
        number_to_char(&template, &rounded).unwrap()
    }

    #[test]
    fn numbers_are_shown_as_postgresql_shows_them() {
        // Recorded from PostgreSQL 15.
        for (value, template, expected) in [
            ("0", "9.99", "  .00"),
            ("0.5", "9.99", "  .50"),
            ("-0.5", "9.99", " -.50"),
            ("-12", "9999", "  -12"),
            ("1234.567", "FM999,999.99", "1,234.57"),
            ("1234567", "999,999", " ###,###"),
            ("12", "S9999", "  +12"),
            ("-12", "9999S", "  12-"),
            ("-12", "9999MI", "  12-"),
            ("12", "9999MI", "  12 "),
            ("-12", "9999PR", "  <12>"),
            ("12", "9999PR", "   12 "),
            ("12", "00999", " 00012"),
            ("0", "FM9999", "0"),
            ("1.5", "FM990.099", "1.5"),
            ("12.345", "99V99", " 1235"),
            ("485", "RN", "        CDLXXXV"),
            ("485", "FMRN", "CDLXXXV"),
            ("482", "999th", " 482nd"),
            ("12", "L9999", "    12"),
            ("12", "PL999", "+  12"),
            ("-12", "SG999", "- 12"),
            ("12", "\"Good\" 999", "Good   12"),
            ("-125", "999", "-125"),
            ("1485", "9G999", " 1,485"),
            ("0.1", "0.9", " 0.1"),
            ("148.5", "999D999", " 148.500"),
            ("12", "9 9 9", "   1 2"),
            ("-0.01", "FM99.9", "0."),
            ("100", "FM9,999", "100"),
            ("1.0", "FM9.9", "1."),
            ("5", "0", " 5"),
            ("123", "FM00", "##"),
            ("0", "99.99", "   .00"),
            ("0.0", "FM99.99", "0."),
            ("0", "0.00", " 0.00"),
            ("12", "MI99", " 12"),
            ("-12", "MI99", "-12"),
            ("1234", "9,99,9", " 1,23,4"),
            ("1", "9,999", "     1"),
            ("1", "0,009", " 0,001"),
            ("12.5", "S99.9", "+12.5"),
            ("-12.5", "S009.9", "-012.5"),
            ("0.5", "FM.99", ".##"),
            ("-5", "FM999PR", "<5>"),
        ] {
            assert_eq!(shown(value, template), expected, "{value} by {template}");
        }
    }
}
