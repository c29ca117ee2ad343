//! Measures of shapes, and what they have to do with each other. Numbers that differ by less than
//! [`EPSILON`] are equal.

use super::{EPSILON, Point, Shape};

fn equal(left: f64, right: f64) -> bool {
    left.total_cmp(&right).is_eq()
        || (left - right).abs() <= EPSILON
        || (left.is_nan() && right.is_nan())
}

fn at_most(left: f64, right: f64) -> bool {
    left - right <= EPSILON
}

fn same_point(left: Point, right: Point) -> bool {
    equal(left.x, right.x) && equal(left.y, right.y)
}

fn between(left: Point, right: Point) -> f64 {
    (left.x - right.x).hypot(left.y - right.y)
}

impl Shape {
    /// The line through two points; nothing where they are the same.
    pub fn line_through(one: Point, other: Point) -> Option<Self> {
        if same_point(one, other) {
            return None;
        }
        Some(Self::Line(if equal(one.x, other.x) {
            [-1.0, 0.0, one.x]
        } else if equal(one.y, other.y) {
            [0.0, -1.0, one.y]
        } else {
            let slope = (one.y - other.y) / (one.x - other.x);
            // No negative zero.
            [slope, -1.0, one.y - slope * one.x + 0.0]
        }))
    }

    /// Its points, as far as it has any.
    pub fn points(&self) -> &[Point] {
        match self {
            Self::Point(point) | Self::Circle { center: point, .. } => std::slice::from_ref(point),
            Self::Segment(points) | Self::Box(points) => points,
            Self::Path { points, .. } | Self::Polygon(points) => points,
            Self::Line(_) => &[],
        }
    }

    /// The smallest box that it is in.
    #[must_use]
    pub fn bounds(&self) -> Self {
        let points = self.points();
        let fold = |of: fn(&Point) -> f64, choose: fn(f64, f64) -> f64| {
            points.iter().map(of).reduce(choose).unwrap_or(0.0)
        };
        let high = Point { x: fold(|p| p.x, f64::max), y: fold(|p| p.y, f64::max) };
        let low = Point { x: fold(|p| p.x, f64::min), y: fold(|p| p.y, f64::min) };
        Self::Box([high, low])
    }
}

/// Of a box, a circle, a closed path; nothing of what has none.
pub fn area(shape: &Shape) -> Option<f64> {
    match shape {
        Shape::Box([high, low]) => Some((high.x - low.x) * (high.y - low.y)),
        Shape::Circle { radius, .. } => Some(radius * radius * std::f64::consts::PI),
        Shape::Path { points, closed: true } => {
            let next = points.iter().cycle().skip(1);
            let crossed = |(a, b): (&Point, &Point)| a.x * b.y - a.y * b.x;
            Some(points.iter().zip(next).map(crossed).sum::<f64>().abs() / 2.0)
        }
        _ => None,
    }
}

/// Of a segment, or along a path.
pub fn length(shape: &Shape) -> f64 {
    let points = shape.points();
    let steps: f64 = points.windows(2).map(|pair| between(pair[0], pair[1])).sum();
    match (shape, points) {
        (Shape::Path { closed: true, .. }, [first, .., last]) => between(*last, *first) + steps,
        _ => steps,
    }
}

/// The middle of a shape, or of its points.
pub fn center(shape: &Shape) -> Point {
    match shape {
        Shape::Segment([one, other]) | Shape::Box([one, other]) => {
            Point { x: f64::midpoint(one.x, other.x), y: f64::midpoint(one.y, other.y) }
        }
        _ => {
            let points = shape.points();
            let count = points.len().max(1) as f64;
            let sum = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / count;
            Point { x: sum(|p| p.x), y: sum(|p| p.y) }
        }
    }
}

/// From corner to corner.
pub fn diagonal(shape: &Shape) -> Option<Shape> {
    match shape {
        Shape::Box(corners) => Some(Shape::Segment(*corners)),
        _ => None,
    }
}

/// The shape with each of its points changed.
pub fn moved(shape: &Shape, change: impl Fn(Point) -> Point) -> Shape {
    let all = |points: &[Point]| points.iter().map(|point| change(*point)).collect();
    match shape {
        Shape::Point(point) => Shape::Point(change(*point)),
        Shape::Segment([one, other]) => Shape::Segment([change(*one), change(*other)]),
        Shape::Box([one, other]) => Shape::of_corners(change(*one), change(*other)),
        Shape::Path { points, closed } => Shape::Path { points: all(points), closed: *closed },
        Shape::Polygon(points) => Shape::Polygon(all(points)),
        Shape::Line(numbers) => Shape::Line(*numbers),
        Shape::Circle { center, radius } => {
            Shape::Circle { center: change(*center), radius: *radius }
        }
    }
}

/// Between two points, or the edges of two circles, or a point and a circle's edge.
pub fn distance(left: &Shape, right: &Shape) -> Option<f64> {
    let round = |shape: &Shape| match shape {
        Shape::Point(point) => Some((*point, 0.0)),
        Shape::Circle { center, radius } => Some((*center, *radius)),
        _ => None,
    };
    let ((one, r1), (other, r2)) = (round(left)?, round(right)?);
    let gap = between(one, other) - r1 - r2;
    Some(if matches!((left, right), (Shape::Point(_), Shape::Point(_))) {
        gap
    } else {
        gap.max(0.0)
    })
}

/// `~=`: the same in all points.
pub fn is_same(left: &Shape, right: &Shape) -> bool {
    match (left, right) {
        (
            Shape::Circle { center: one, radius: r1 },
            Shape::Circle { center: other, radius: r2 },
        ) => same_point(*one, *other) && equal(*r1, *r2),
        (Shape::Polygon(left), Shape::Polygon(right)) => same_ring(left, right),
        (Shape::Line(left), Shape::Line(right)) => same_line(left, right),
        _ => {
            let (left, right) = (left.points(), right.points());
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same_point(*a, *b))
        }
    }
}

/// From any point on, in either direction.
fn same_ring(left: &[Point], right: &[Point]) -> bool {
    let count = left.len();
    let fits = |start: usize, forward: bool| {
        (0..count).all(|at| {
            let other = if forward { start + at } else { start + count - at };
            same_point(left[at], right[other % count])
        })
    };
    count == right.len() && (0..count).any(|start| fits(start, true) || fits(start, false))
}

fn same_line(left: &[f64; 3], right: &[f64; 3]) -> bool {
    if left.iter().chain(right).any(|number| number.is_nan()) {
        return left.iter().zip(right).all(|(a, b)| equal(*a, *b));
    }
    let by = |place: usize| left[place] / right[place];
    let ratio = match (0..3).find(|place| !equal(right[*place], 0.0)) {
        Some(place) => by(place),
        None => 1.0,
    };
    left.iter().zip(right).all(|(a, b)| equal(*a, ratio * b))
}

/// Whether a box or a circle has all of a point, or of another of its kind, in it.
pub fn contains(outer: &Shape, inner: &Shape) -> Option<bool> {
    Some(match (outer, inner) {
        (Shape::Box([high, low]), Shape::Point(point)) => {
            high.x >= point.x && low.x <= point.x && high.y >= point.y && low.y <= point.y
        }
        (Shape::Box([high, low]), Shape::Box([inner_high, inner_low])) => {
            at_most(inner_high.x, high.x)
                && at_most(low.x, inner_low.x)
                && at_most(inner_high.y, high.y)
                && at_most(low.y, inner_low.y)
        }
        (Shape::Circle { center, radius }, Shape::Point(point)) => {
            between(*center, *point) <= *radius
        }
        (
            Shape::Circle { center, radius },
            Shape::Circle { center: other, radius: inner_radius },
        ) => at_most(between(*center, *other), radius - inner_radius),
        _ => return None,
    })
}

/// Whether two boxes, or two circles, have a point in common.
pub fn overlaps(left: &Shape, right: &Shape) -> Option<bool> {
    Some(match (left, right) {
        (Shape::Box([high, low]), Shape::Box([other_high, other_low])) => {
            at_most(low.x, other_high.x)
                && at_most(other_low.x, high.x)
                && at_most(low.y, other_high.y)
                && at_most(other_low.y, high.y)
        }
        (
            Shape::Circle { center, radius },
            Shape::Circle { center: other, radius: other_radius },
        ) => at_most(between(*center, *other), radius + other_radius),
        _ => return None,
    })
}
