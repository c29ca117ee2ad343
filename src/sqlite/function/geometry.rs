//! Geometric types. Each function knows the types of its arguments by its own name.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::{Answer, Arguments, boolean, division_by_zero, integer, strict, string};
use crate::datum::geometry::{self, EPSILON, Kind, Point, Shape};
use crate::model::error::{Error, SqlState};

fn shape(args: &Arguments<'_, '_>, at: usize, kind: Kind) -> Result<Shape, Error> {
    Shape::load(kind, args.text(at)?)
}

fn point(args: &Arguments<'_, '_>, at: usize) -> Result<Point, Error> {
    match shape(args, at, Kind::Point)? {
        Shape::Point(point) => Ok(point),
        _ => Err(super::wrong_class("a point")),
    }
}

fn stored(shape: &Shape) -> SqlValue {
    string(shape.store())
}

fn number(value: f64) -> SqlValue {
    if value.is_nan() { string("NaN") } else { SqlValue::Real(value) }
}

const NAMES: [(&str, Kind); 7] = [
    ("point", Kind::Point),
    ("lseg", Kind::Segment),
    ("path", Kind::Path),
    ("box", Kind::Box),
    ("polygon", Kind::Polygon),
    ("line", Kind::Line),
    ("circle", Kind::Circle),
];

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    register_making(connection)?;
    register_measures(connection)?;
    register_paths(connection)?;
    for (name, kind) in NAMES {
        register_points(connection, name, kind)?;
        register_relations(connection, name, kind)?;
    }
    register_moves(connection)
}

fn register_making(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_geo_point", 2, |args| {
        Ok(stored(&Shape::Point(Point { x: args.float(0)?, y: args.float(1)? })))
    })?;
    strict(connection, "pg_geo_box", 2, |args| {
        Ok(stored(&Shape::of_corners(point(args, 0)?, point(args, 1)?)))
    })?;
    strict(connection, "pg_geo_lseg", 2, |args| {
        Ok(stored(&Shape::Segment([point(args, 0)?, point(args, 1)?])))
    })?;
    strict(connection, "pg_geo_line", 2, |args| {
        let line = Shape::line_through(point(args, 0)?, point(args, 1)?);
        line.as_ref().map(stored).ok_or_else(|| {
            let message = "invalid line specification: must be two distinct points";
            Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
        })
    })?;
    strict(connection, "pg_geo_circle", 2, |args| {
        Ok(stored(&Shape::Circle { center: point(args, 0)?, radius: args.float(1)? }))
    })?;
    strict(connection, "pg_geo_point_box", 1, |args| {
        let at = point(args, 0)?;
        Ok(stored(&Shape::Box([at, at])))
    })?;
    strict(connection, "pg_geo_polygon_path", 1, |args| {
        let points = shape(args, 0, Kind::Polygon)?.points().to_vec();
        Ok(stored(&Shape::Path { points, closed: true }))
    })?;
    strict(connection, "pg_geo_path_polygon", 1, |args| match shape(args, 0, Kind::Path)? {
        Shape::Path { points, closed: true } => Ok(stored(&Shape::Polygon(points))),
        _ => Err(Error::user(
            SqlState::INVALID_PARAMETER_VALUE,
            "open path cannot be converted to polygon",
        )),
    })?;
    strict(connection, "pg_geo_polygon_box", 1, |args| {
        Ok(stored(&shape(args, 0, Kind::Polygon)?.bounds()))
    })?;
    strict(connection, "pg_geo_box_polygon", 1, |args| {
        let Shape::Box([high, low]) = shape(args, 0, Kind::Box)? else {
            return Err(super::wrong_class("a box"));
        };
        let corner = |x: f64, y: f64| Point { x, y };
        let points = vec![low, corner(low.x, high.y), high, corner(high.x, low.y)];
        Ok(stored(&Shape::Polygon(points)))
    })?;
    strict(connection, "pg_geo_box_diagonal", 1, |args| {
        let diagonal = geometry::diagonal(&shape(args, 0, Kind::Box)?);
        diagonal.as_ref().map(stored).ok_or_else(|| super::wrong_class("a box"))
    })
}

fn register_measures(connection: &Connection) -> rusqlite::Result<()> {
    for (name, kind) in [
        ("pg_geo_box_area", Kind::Box),
        ("pg_geo_path_area", Kind::Path),
        ("pg_geo_circle_area", Kind::Circle),
    ] {
        strict(connection, name, 1, move |args| {
            Ok(geometry::area(&shape(args, 0, kind)?).map_or(SqlValue::Null, number))
        })?;
    }
    for (name, kind) in [("pg_geo_lseg_length", Kind::Segment), ("pg_geo_path_length", Kind::Path)]
    {
        strict(connection, name, 1, move |args| {
            Ok(number(geometry::length(&shape(args, 0, kind)?)))
        })?;
    }
    for (name, across) in [("pg_geo_box_width", true), ("pg_geo_box_height", false)] {
        strict(connection, name, 1, move |args| match shape(args, 0, Kind::Box)? {
            Shape::Box([high, low]) if across => Ok(number(high.x - low.x)),
            Shape::Box([high, low]) => Ok(number(high.y - low.y)),
            _ => Err(super::wrong_class("a box")),
        })?;
    }
    for (name, factor) in [("pg_geo_circle_radius", 1.0), ("pg_geo_circle_diameter", 2.0)] {
        strict(connection, name, 1, move |args| match shape(args, 0, Kind::Circle)? {
            Shape::Circle { radius, .. } => Ok(number(radius * factor)),
            _ => Err(super::wrong_class("a circle")),
        })?;
    }
    Ok(())
}

fn register_paths(connection: &Connection) -> rusqlite::Result<()> {
    for (name, wanted) in [("pg_geo_path_isclosed", true), ("pg_geo_path_isopen", false)] {
        strict(connection, name, 1, move |args| match shape(args, 0, Kind::Path)? {
            Shape::Path { closed, .. } => Ok(boolean(closed == wanted)),
            _ => Err(super::wrong_class("a path")),
        })?;
    }
    for (name, closed) in [("pg_geo_path_pclose", true), ("pg_geo_path_popen", false)] {
        strict(connection, name, 1, move |args| {
            let points = shape(args, 0, Kind::Path)?.points().to_vec();
            Ok(stored(&Shape::Path { points, closed }))
        })?;
    }
    // Two open paths, one behind the other.
    strict(connection, "pg_geo_path_join", 2, |args| {
        match (shape(args, 0, Kind::Path)?, shape(args, 1, Kind::Path)?) {
            (Shape::Path { points: one, closed: false }, Shape::Path { points, closed: false }) => {
                Ok(stored(&Shape::Path { points: [one, points].concat(), closed: false }))
            }
            _ => Ok(SqlValue::Null),
        }
    })
}

/// What is asked of the points of one shape.
fn register_points(connection: &Connection, name: &str, kind: Kind) -> rusqlite::Result<()> {
    strict(connection, &format!("pg_geo_{name}_center"), 1, move |args| {
        Ok(stored(&Shape::Point(geometry::center(&shape(args, 0, kind)?))))
    })?;
    strict(connection, &format!("pg_geo_{name}_npoints"), 1, move |args| {
        Ok(integer(shape(args, 0, kind)?.points().len() as i64))
    })
}

/// What is asked of two shapes of one kind, or of a shape and a point.
fn register_relations(connection: &Connection, name: &str, kind: Kind) -> rusqlite::Result<()> {
    fn asked(answer: Option<bool>) -> Answer {
        answer.map(boolean).ok_or_else(|| super::wrong_class("a shape that was asked for"))
    }
    for (what, wanted) in [("same", true), ("differs", false)] {
        strict(connection, &format!("pg_geo_{name}_{what}"), 2, move |args| {
            let same = geometry::is_same(&shape(args, 0, kind)?, &shape(args, 1, kind)?);
            Ok(boolean(same == wanted))
        })?;
    }
    strict(connection, &format!("pg_geo_{name}_overlaps"), 2, move |args| {
        asked(geometry::overlaps(&shape(args, 0, kind)?, &shape(args, 1, kind)?))
    })?;
    strict(connection, &format!("pg_geo_{name}_contains"), 2, move |args| {
        asked(geometry::contains(&shape(args, 0, kind)?, &shape(args, 1, kind)?))
    })?;
    strict(connection, &format!("pg_geo_{name}_contained"), 2, move |args| {
        asked(geometry::contains(&shape(args, 1, kind)?, &shape(args, 0, kind)?))
    })?;
    strict(connection, &format!("pg_geo_{name}_contains_point"), 2, move |args| {
        asked(geometry::contains(&shape(args, 0, kind)?, &Shape::Point(point(args, 1)?)))
    })?;
    strict(connection, &format!("pg_geo_point_in_{name}"), 2, move |args| {
        asked(geometry::contains(&shape(args, 1, kind)?, &Shape::Point(point(args, 0)?)))
    })?;
    strict(connection, &format!("pg_geo_{name}_distance"), 2, move |args| {
        let distance = geometry::distance(&shape(args, 0, kind)?, &shape(args, 1, kind)?);
        Ok(distance.map_or(SqlValue::Null, number))
    })?;
    // The size of one less that of the other, with what is nearly equal as 0.
    strict(connection, &format!("pg_geo_{name}_size_order"), 2, move |args| {
        let size = |at: usize| -> Result<f64, Error> {
            let shape = shape(args, at, kind)?;
            Ok(match kind {
                Kind::Segment => geometry::length(&shape),
                Kind::Path => shape.points().len() as f64,
                _ => geometry::area(&shape).unwrap_or(0.0),
            })
        };
        let difference = size(0)? - size(1)?;
        Ok(integer(if difference.abs() <= EPSILON { 0 } else { difference.signum() as i64 }))
    })
}

type Change = fn(Point, Point) -> Result<Point, Error>;
type Side = fn(Point, Point) -> bool;

fn multiplied(left: Point, right: Point) -> Point {
    Point { x: left.x * right.x - left.y * right.y, y: left.x * right.y + left.y * right.x }
}

fn divided(left: Point, right: Point) -> Result<Point, Error> {
    let size = right.x * right.x + right.y * right.y;
    if size == 0.0 {
        return Err(division_by_zero());
    }
    Ok(Point {
        x: (left.x * right.x + left.y * right.y) / size,
        y: (left.y * right.x - left.x * right.y) / size,
    })
}

/// `+ - * /` with a point: moved, and turned and scaled, as complex numbers are.
fn register_moves(connection: &Connection) -> rusqlite::Result<()> {
    let changes: [(&str, Change); 4] = [
        ("add", |one, other| Ok(Point { x: one.x + other.x, y: one.y + other.y })),
        ("sub", |one, other| Ok(Point { x: one.x - other.x, y: one.y - other.y })),
        ("mul", |one, other| Ok(multiplied(one, other))),
        ("div", divided),
    ];
    for (what, change) in changes {
        for (name, kind) in NAMES {
            strict(connection, &format!("pg_geo_{name}_{what}"), 2, move |args| {
                let (one, by) = (shape(args, 0, kind)?, point(args, 1)?);
                // Division fails for the one point or for none.
                let checked = change(by, by)?;
                let moved = geometry::moved(&one, |at| change(at, by).unwrap_or(checked));
                Ok(stored(&match moved {
                    Shape::Circle { center, radius } if matches!(what, "mul" | "div") => {
                        let scale = by.x.hypot(by.y);
                        let scale = if what == "mul" { scale } else { 1.0 / scale };
                        Shape::Circle { center, radius: radius * scale }
                    }
                    moved => moved,
                }))
            })?;
        }
    }
    // Where one point lies of another.
    let sides: [(&str, Side); 6] = [
        ("left", |one, other| one.x - other.x < -EPSILON),
        ("right", |one, other| one.x - other.x > EPSILON),
        ("below", |one, other| one.y - other.y < -EPSILON),
        ("above", |one, other| one.y - other.y > EPSILON),
        ("horizontal", |one, other| (one.y - other.y).abs() <= EPSILON),
        ("vertical", |one, other| (one.x - other.x).abs() <= EPSILON),
    ];
    for (what, side) in sides {
        strict(connection, &format!("pg_geo_point_{what}"), 2, move |args| {
            Ok(boolean(side(point(args, 0)?, point(args, 1)?)))
        })?;
    }
    strict(connection, "pg_geo_point_slope", 2, |args| {
        let (one, other) = (point(args, 0)?, point(args, 1)?);
        Ok(number(if (one.x - other.x).abs() <= EPSILON {
            f64::MAX
        } else if (one.y - other.y).abs() <= EPSILON {
            0.0
        } else {
            (one.y - other.y) / (one.x - other.x)
        }))
    })
}
