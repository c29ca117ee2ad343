//! What ranges and multiranges are asked, and how they are put together. Either is a list of spans: a range has one or
//! none.

use crate::datum::range::{Bound, DATA_EXCEPTION, Kind, Span};
use crate::model::error::Error;
use crate::model::value::Value;

impl Kind {
    /// `@>` with a value.
    ///
    /// # Errors
    /// Here and below: XX001 for bounds that aren't of the subtype.
    pub fn contains_value(self, spans: &[Span], value: &Value) -> Result<bool, Error> {
        let point = Span {
            lower: Bound::lower(Some(value.clone()), true),
            upper: Bound::upper(Some(value.clone()), true),
        };
        self.contains(spans, std::slice::from_ref(&point))
    }

    /// `@>`: whether each span of the part lies in one of the whole.
    pub fn contains(self, whole: &[Span], part: &[Span]) -> Result<bool, Error> {
        for inner in part {
            let mut found = false;
            for outer in whole {
                found |= self.covers(outer, inner)?;
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn covers(self, outer: &Span, inner: &Span) -> Result<bool, Error> {
        Ok(self.compare_bounds(&outer.lower, &inner.lower)?.is_le()
            && self.compare_bounds(&outer.upper, &inner.upper)?.is_ge())
    }

    /// `&&`
    pub fn overlaps(self, left: &[Span], right: &[Span]) -> Result<bool, Error> {
        for a in left {
            for b in right {
                if self.meet(a, b)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn meet(self, a: &Span, b: &Span) -> Result<bool, Error> {
        Ok(self.compare_bounds(&a.lower, &b.upper)?.is_le()
            && self.compare_bounds(&b.lower, &a.upper)?.is_le())
    }

    /// `<<`
    pub fn is_before(self, left: &[Span], right: &[Span]) -> Result<bool, Error> {
        match (left.last(), right.first()) {
            (Some(last), Some(first)) => {
                Ok(self.compare_bounds(&last.upper, &first.lower)?.is_lt())
            }
            _ => Ok(false),
        }
    }

    /// `&<`
    pub fn ends_within(self, left: &[Span], right: &[Span]) -> Result<bool, Error> {
        match (left.last(), right.last()) {
            (Some(a), Some(b)) => Ok(self.compare_bounds(&a.upper, &b.upper)?.is_le()),
            _ => Ok(false),
        }
    }

    /// `&>`
    pub fn begins_within(self, left: &[Span], right: &[Span]) -> Result<bool, Error> {
        match (left.first(), right.first()) {
            (Some(a), Some(b)) => Ok(self.compare_bounds(&a.lower, &b.lower)?.is_ge()),
            _ => Ok(false),
        }
    }

    /// `-|-`
    pub fn is_adjacent(self, left: &[Span], right: &[Span]) -> Result<bool, Error> {
        let (Some(a), Some(z)) = (left.first(), left.last()) else { return Ok(false) };
        let (Some(b), Some(y)) = (right.first(), right.last()) else { return Ok(false) };
        Ok(self.touch(&z.upper, &b.lower)? || self.touch(&y.upper, &a.lower)?)
    }

    /// Whether nothing lies between an upper bound and the lower bound of what follows, nor in both. As spans are
    /// canonical, the values are then the same.
    fn touch(self, upper: &Bound, lower: &Bound) -> Result<bool, Error> {
        Ok(self.compare_values(upper, lower)?.is_eq() && upper.inclusive != lower.inclusive)
    }

    /// `+` of two ranges.
    ///
    /// # Errors
    /// 22000 if there is something between them.
    pub fn joined(self, left: Vec<Span>, right: Vec<Span>) -> Result<Vec<Span>, Error> {
        if !left.is_empty()
            && !right.is_empty()
            && !self.overlaps(&left, &right)?
            && !self.is_adjacent(&left, &right)?
        {
            let message = "result of range union would not be contiguous";
            return Err(Error::user(DATA_EXCEPTION, message));
        }
        self.hull(left.into_iter().chain(right).collect())
    }

    /// The smallest range that has all of these in it.
    pub fn hull(self, spans: Vec<Span>) -> Result<Vec<Span>, Error> {
        let mut spans = spans.into_iter();
        let Some(mut hull) = spans.next() else { return Ok(Vec::new()) };
        for span in spans {
            if self.compare_bounds(&span.lower, &hull.lower)?.is_lt() {
                hull.lower = span.lower;
            }
            if self.compare_bounds(&span.upper, &hull.upper)?.is_gt() {
                hull.upper = span.upper;
            }
        }
        Ok(vec![hull])
    }

    /// These spans as a multirange: in order, and those that overlap or touch as one.
    pub fn united(self, mut spans: Vec<Span>) -> Result<Vec<Span>, Error> {
        let mut failure = None;
        spans.sort_by(|a, b| {
            self.compare_spans(a, b).unwrap_or_else(|error| {
                failure = Some(error);
                std::cmp::Ordering::Equal
            })
        });
        if let Some(error) = failure {
            return Err(error);
        }
        let mut united: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match united.last_mut() {
                Some(last)
                    if self.meet(last, &span)? || self.touch(&last.upper, &span.lower)? =>
                {
                    if self.compare_bounds(&span.upper, &last.upper)?.is_gt() {
                        last.upper = span.upper;
                    }
                }
                _ => united.push(span),
            }
        }
        Ok(united)
    }

    /// `*`
    pub fn intersection(self, left: &[Span], right: &[Span]) -> Result<Vec<Span>, Error> {
        let mut common = Vec::new();
        for a in left {
            for b in right {
                if !self.meet(a, b)? {
                    continue;
                }
                let later = self.compare_bounds(&a.lower, &b.lower)?.is_ge();
                let sooner = self.compare_bounds(&a.upper, &b.upper)?.is_le();
                let lower = if later { &a.lower } else { &b.lower };
                let upper = if sooner { &a.upper } else { &b.upper };
                common.extend(self.make(lower.clone(), upper.clone())?);
            }
        }
        Ok(common)
    }

    /// `-`: the left spans without what is in the right ones.
    pub fn difference(self, left: Vec<Span>, right: &[Span]) -> Result<Vec<Span>, Error> {
        let mut rest = left;
        for taken in right {
            let mut pieces = Vec::with_capacity(rest.len() + 1);
            for span in rest {
                if !self.meet(&span, taken)? {
                    pieces.push(span);
                    continue;
                }
                if self.compare_bounds(&span.lower, &taken.lower)?.is_lt() {
                    pieces.extend(self.make(span.lower, taken.lower.beyond())?);
                }
                if self.compare_bounds(&span.upper, &taken.upper)?.is_gt() {
                    pieces.extend(self.make(taken.upper.beyond(), span.upper)?);
                }
            }
            rest = pieces;
        }
        Ok(rest)
    }

    /// `-` of two ranges.
    ///
    /// # Errors
    /// 22000 if it would fall into two.
    pub fn remainder(self, left: Vec<Span>, right: &[Span]) -> Result<Vec<Span>, Error> {
        let rest = self.difference(left, right)?;
        if rest.len() > 1 {
            let message = "result of range difference would not be contiguous";
            return Err(Error::user(DATA_EXCEPTION, message));
        }
        Ok(rest)
    }
}
