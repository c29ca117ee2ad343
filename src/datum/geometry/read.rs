//! Reads shapes. Parentheses around all of a shape, and around each of its points, may be left out.

use super::{EPSILON, Kind, Point, Shape};
use crate::datum;
use crate::datum::stored::{invalid_input, is_space};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

struct Reader<'a> {
    kind: Kind,
    input: &'a str,
    rest: &'a str,
}

pub(super) fn shape(kind: Kind, input: &str) -> Result<Shape, Error> {
    let mut reader = Reader { kind, input, rest: input };
    let read = reader.shape()?;
    if reader.rest.is_empty() { Ok(read) } else { Err(reader.invalid()) }
}

impl Reader<'_> {
    fn invalid(&self) -> Error {
        invalid_input(self.kind.name(), self.input)
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    /// Takes a character, and the blanks behind it.
    fn eat(&mut self, wanted: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(wanted) else { return false };
        self.rest = rest;
        self.blanks();
        true
    }

    fn expect(&mut self, wanted: char) -> Result<(), Error> {
        if self.eat(wanted) { Ok(()) } else { Err(self.invalid()) }
    }

    fn number(&mut self) -> Result<f64, Error> {
        self.blanks();
        let end = self.rest.find(|c: char| is_space(c) || ",()[]{}<>".contains(c));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let read = datum::from_text(PgType::FLOAT8, number, &datum::Style::default());
        let read = read.map_err(|error| match error.state() {
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE => error,
            _ => self.invalid(),
        })?;
        self.rest = rest;
        self.blanks();
        Ok(match read {
            Value::Real(number) => number,
            _ => f64::NAN,
        })
    }

    fn point(&mut self) -> Result<Point, Error> {
        self.blanks();
        let enclosed = self.eat('(');
        let x = self.number()?;
        self.expect(',')?;
        let y = self.number()?;
        if enclosed {
            self.expect(')')?;
        }
        Ok(Point { x, y })
    }

    /// Points with what is around them, and whether that says that they are a closed path.
    fn points(&mut self, count: usize, may_open: bool) -> Result<(Vec<Point>, bool), Error> {
        self.blanks();
        let open = self.rest.starts_with('[');
        let mut enclosed = false;
        if open {
            if !may_open {
                return Err(self.invalid());
            }
            enclosed = self.eat('[');
        } else if let Some(inner) = self.rest.strip_prefix('(') {
            let inner = inner.trim_start_matches(is_space);
            if inner.starts_with('(') || self.rest.rfind('(') == Some(0) {
                self.rest = inner;
                enclosed = true;
            }
        }
        let mut points = Vec::new();
        for at in 0..count {
            points.push(self.point()?);
            if at + 1 < count {
                self.eat(',');
            }
        }
        if enclosed {
            self.expect(if open && self.rest.starts_with(']') { ']' } else { ')' })?;
        }
        Ok((points, !open))
    }

    /// How many points the commas are for.
    fn count(&self) -> Result<usize, Error> {
        let commas = self.rest.matches(',').count();
        if commas % 2 == 1 { Ok(commas.div_ceil(2)) } else { Err(self.invalid()) }
    }

    fn two(&mut self, may_open: bool) -> Result<[Point; 2], Error> {
        let (points, _) = self.points(2, may_open)?;
        <[Point; 2]>::try_from(points).map_err(|_| self.invalid())
    }

    fn shape(&mut self) -> Result<Shape, Error> {
        Ok(match self.kind {
            Kind::Point => Shape::Point(self.point()?),
            Kind::Segment => Shape::Segment(self.two(true)?),
            Kind::Box => {
                let [one, other] = self.two(false)?;
                Shape::of_corners(one, other)
            }
            Kind::Path => {
                let count = self.count()?;
                let (points, closed) = self.points(count, true)?;
                Shape::Path { points, closed }
            }
            Kind::Polygon => {
                let count = self.count()?;
                Shape::Polygon(self.points(count, false)?.0)
            }
            Kind::Line => self.line()?,
            Kind::Circle => self.circle()?,
        })
    }

    fn circle(&mut self) -> Result<Shape, Error> {
        self.blanks();
        let mut end = None;
        if self.eat('<') {
            end = Some('>');
        } else if let Some(inner) = self.rest.strip_prefix('(') {
            let inner = inner.trim_start_matches(is_space);
            if inner.starts_with('(') {
                self.rest = inner;
                end = Some(')');
            }
        }
        let center = self.point()?;
        self.eat(',');
        let radius = self.number()?;
        if let Some(end) = end {
            self.expect(end)?;
        }
        if radius < 0.0 { Err(self.invalid()) } else { Ok(Shape::Circle { center, radius }) }
    }

    fn line(&mut self) -> Result<Shape, Error> {
        let wrong = |what: &str| {
            let message = format!("invalid line specification: {what}");
            Error::user(SqlState::INVALID_TEXT_REPRESENTATION, message)
        };
        self.blanks();
        if self.eat('{') {
            let a = self.number()?;
            self.expect(',')?;
            let b = self.number()?;
            self.expect(',')?;
            let c = self.number()?;
            self.expect('}')?;
            if a.abs() <= EPSILON && b.abs() <= EPSILON {
                return Err(wrong("A and B cannot both be zero"));
            }
            return Ok(Shape::Line([a, b, c]));
        }
        let [one, other] = self.two(true)?;
        Shape::line_through(one, other).ok_or_else(|| wrong("must be two distinct points"))
    }
}
