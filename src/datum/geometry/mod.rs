//! point, line, lseg, box, path, polygon, circle (manual, "Geometric Types").
//!
//! Stored as PostgreSQL shows them, with the shortest digits that read back the same. They have no order
//! but by size, which only operators ask for.

mod read;
mod shape;

use bytes::{Buf as _, BufMut as _, BytesMut};

use crate::datum::float::{self, Width};
use crate::datum::stored::{bad_binary, corrupted, short_binary, text};
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;

pub use shape::{area, center, contains, diagonal, distance, is_same, length, moved, overlaps};

/// Numbers that are nearer to each other are equal (`EPSILON`).
pub const EPSILON: f64 = 1.0E-06;

/// Which of the types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Point,
    Segment,
    Path,
    Box,
    Polygon,
    Line,
    Circle,
}

impl Kind {
    pub fn of(oid: u32) -> Option<Self> {
        Some(match oid {
            600 => Self::Point,
            601 => Self::Segment,
            602 => Self::Path,
            603 => Self::Box,
            604 => Self::Polygon,
            628 => Self::Line,
            718 => Self::Circle,
            _ => return None,
        })
    }

    fn data_type(self) -> PgType {
        PgType::new(match self {
            Self::Point => 600,
            Self::Segment => 601,
            Self::Path => 602,
            Self::Box => 603,
            Self::Polygon => 604,
            Self::Line => 628,
            Self::Circle => 718,
        })
    }

    fn name(self) -> &'static str {
        crate::pgdata::type_label(self.data_type().oid)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// A value of one of the types.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Point(Point),
    Segment([Point; 2]),
    Path {
        points: Vec<Point>,
        closed: bool,
    },
    /// The upper right corner, then the lower left one.
    Box([Point; 2]),
    Polygon(Vec<Point>),
    /// A, B and C of `Ax + By + C = 0`.
    Line([f64; 3]),
    Circle {
        center: Point,
        radius: f64,
    },
}

fn put_number(number: f64, digits: i8, out: &mut BytesMut) {
    float::put(number, Width::Double, digits, out);
}

fn put_points(points: &[Point], digits: i8, out: &mut BytesMut) {
    for (at, point) in points.iter().enumerate() {
        if at > 0 {
            out.put_u8(b',');
        }
        out.put_u8(b'(');
        put_number(point.x, digits, out);
        out.put_u8(b',');
        put_number(point.y, digits, out);
        out.put_u8(b')');
    }
}

impl Shape {
    /// Reads a value's text.
    ///
    /// # Errors
    /// 22P02, 22003
    pub fn parse(kind: Kind, text: &str) -> Result<Self, Error> {
        read::shape(kind, text)
    }

    /// From the stored form.
    ///
    /// # Errors
    /// XX001
    pub fn load(kind: Kind, text: &str) -> Result<Self, Error> {
        read::shape(kind, text).map_err(|_| corrupted(kind.data_type()))
    }

    pub fn store(&self) -> String {
        let mut out = BytesMut::new();
        self.put(1, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn put(&self, digits: i8, out: &mut BytesMut) {
        match self {
            Self::Point(point) => put_points(std::slice::from_ref(point), digits, out),
            Self::Box(corners) => put_points(corners, digits, out),
            Self::Segment(ends) => {
                out.put_u8(b'[');
                put_points(ends, digits, out);
                out.put_u8(b']');
            }
            Self::Path { points, closed } => {
                out.put_u8(if *closed { b'(' } else { b'[' });
                put_points(points, digits, out);
                out.put_u8(if *closed { b')' } else { b']' });
            }
            Self::Polygon(points) => {
                out.put_u8(b'(');
                put_points(points, digits, out);
                out.put_u8(b')');
            }
            Self::Line(numbers) => {
                for (at, number) in numbers.iter().enumerate() {
                    out.put_u8(if at == 0 { b'{' } else { b',' });
                    put_number(*number, digits, out);
                }
                out.put_u8(b'}');
            }
            Self::Circle { center, radius } => {
                out.put_u8(b'<');
                put_points(&[*center], digits, out);
                out.put_u8(b',');
                put_number(*radius, digits, out);
                out.put_u8(b'>');
            }
        }
    }

    /// A box of two corners, whichever they are.
    pub fn of_corners(one: Point, other: Point) -> Self {
        let high = Point { x: one.x.max(other.x), y: one.y.max(other.y) };
        let low = Point { x: one.x.min(other.x), y: one.y.min(other.y) };
        Self::Box([high, low])
    }
}

pub(crate) fn from_text(kind: Kind, input: &str) -> Result<Value, Error> {
    Ok(Value::Text(Shape::parse(kind, input)?.store()))
}

pub(crate) fn to_text(
    kind: Kind,
    value: &Value,
    extra_float_digits: i8,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let stored = text(kind.data_type(), value)?;
    if extra_float_digits > 0 {
        out.put_slice(stored.as_bytes());
    } else {
        Shape::load(kind, stored)?.put(extra_float_digits, out);
    }
    Ok(())
}

/// Numbers that are left to be read.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn number(&mut self) -> Result<f64, Error> {
        self.0.try_get_f64().map_err(|_| short_binary())
    }

    fn point(&mut self) -> Result<Point, Error> {
        Ok(Point { x: self.number()?, y: self.number()? })
    }

    fn points(&mut self, name: &str) -> Result<Vec<Point>, Error> {
        let count = self.0.try_get_i32().map_err(|_| short_binary())?;
        let count = usize::try_from(count).ok().filter(|count| *count > 0);
        let count = count.ok_or_else(|| {
            bad_binary(format!("invalid number of points in external \"{name}\" value"))
        })?;
        // Before memory is set aside for what isn't there.
        if self.0.len() < count.saturating_mul(16) {
            return Err(short_binary());
        }
        (0..count).map(|_| self.point()).collect()
    }
}

pub(crate) fn from_binary(kind: Kind, bytes: &[u8]) -> Result<Value, Error> {
    let mut input = Input(bytes);
    let shape = match kind {
        Kind::Point => Shape::Point(input.point()?),
        Kind::Segment => Shape::Segment([input.point()?, input.point()?]),
        Kind::Box => Shape::of_corners(input.point()?, input.point()?),
        Kind::Path => {
            let closed = input.0.try_get_u8().map_err(|_| short_binary())? != 0;
            Shape::Path { points: input.points("path")?, closed }
        }
        Kind::Polygon => Shape::Polygon(input.points("polygon")?),
        Kind::Line => {
            let numbers = [input.number()?, input.number()?, input.number()?];
            if numbers[0].abs() <= EPSILON && numbers[1].abs() <= EPSILON {
                let message = "invalid line specification: A and B cannot both be zero";
                return Err(bad_binary(message));
            }
            Shape::Line(numbers)
        }
        Kind::Circle => {
            let (center, radius) = (input.point()?, input.number()?);
            if radius < 0.0 {
                return Err(bad_binary("invalid radius in external \"circle\" value"));
            }
            Shape::Circle { center, radius }
        }
    };
    if !input.0.is_empty() {
        return Err(bad_binary("incorrect binary data format"));
    }
    Ok(Value::Text(shape.store()))
}

pub(crate) fn to_binary(kind: Kind, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let mut put = |points: &[Point]| {
        for point in points {
            out.put_f64(point.x);
            out.put_f64(point.y);
        }
    };
    match Shape::load(kind, text(kind.data_type(), value)?)? {
        Shape::Point(point) => put(&[point]),
        Shape::Segment(points) | Shape::Box(points) => put(&points),
        Shape::Path { points, closed } => {
            out.put_u8(u8::from(closed));
            put_counted(&points, out);
        }
        Shape::Polygon(points) => put_counted(&points, out),
        Shape::Line(numbers) => numbers.iter().for_each(|number| out.put_f64(*number)),
        Shape::Circle { center, radius } => {
            put(&[center]);
            out.put_f64(radius);
        }
    }
    Ok(())
}

fn put_counted(points: &[Point], out: &mut BytesMut) {
    out.put_i32(points.len() as i32);
    for point in points {
        out.put_f64(point.x);
        out.put_f64(point.y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, text: &str) -> String {
        match Shape::parse(kind, text) {
            Ok(shape) => shape.store(),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn shapes_are_read_in_their_spellings() {
        for (kind, text, stored) in [
            (Kind::Point, " ( 1.0 , -2e3 ) ", "(1,-2000)"),
            (Kind::Point, "1,2", "(1,2)"),
            (Kind::Point, "(1,2", "invalid input syntax for type point: \"(1,2\""),
            (Kind::Segment, "[(1,2),(3,4)]", "[(1,2),(3,4)]"),
            (Kind::Segment, "1,2,3,4", "[(1,2),(3,4)]"),
            (Kind::Box, "(1,2),(3,0)", "(3,2),(1,0)"),
            (Kind::Box, "((1,2),(3,0))", "(3,2),(1,0)"),
            (Kind::Path, "[(1,2),(3,4),(5,6)]", "[(1,2),(3,4),(5,6)]"),
            (Kind::Path, "(1,2,3,4)", "((1,2),(3,4))"),
            (Kind::Polygon, "((1,2),(3,4))", "((1,2),(3,4))"),
            (Kind::Circle, "<(1,2),3>", "<(1,2),3>"),
            (Kind::Circle, "1,2,3", "<(1,2),3>"),
            (Kind::Circle, "((1,2),3)", "<(1,2),3>"),
            (Kind::Line, "{1,2,3}", "{1,2,3}"),
            (Kind::Line, "(0,0),(1,1)", "{1,-1,0}"),
        ] {
            assert_eq!(shown(kind, text), stored, "{text}");
        }
    }

    #[test]
    fn shapes_are_sent_as_they_are() {
        for (kind, text) in [
            (Kind::Point, "(1,2)"),
            (Kind::Path, "[(1,2),(3,4)]"),
            (Kind::Polygon, "((1,2),(3,4),(5,6))"),
            (Kind::Circle, "<(1,2),3>"),
            (Kind::Line, "{1,2,3}"),
        ] {
            let mut out = BytesMut::new();
            let value = Value::Text(text.to_owned());
            to_binary(kind, &value, &mut out).unwrap();
            assert_eq!(from_binary(kind, &out).unwrap(), value);
            assert!(from_binary(kind, &out[..out.len() - 1]).is_err());
        }
    }
}
