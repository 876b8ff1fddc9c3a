//! The newest points of one series.

use std::collections::VecDeque;

use serde::Serialize;

/// When, in microseconds, and how much.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Point {
    pub at_us: u64,
    pub value: f64,
}

#[derive(Default, Debug)]
pub struct Ring {
    points: VecDeque<Point>,
}

impl Ring {
    pub fn push(&mut self, point: Point, points_max: usize) {
        while self.points.len() >= points_max {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    /// Oldest first.
    pub fn since(&self, at_us: u64) -> Vec<Point> {
        self.points.iter().filter(|point| point.at_us >= at_us).copied().collect()
    }
}
