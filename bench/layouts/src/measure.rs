//! The questions, one section of the table each.

use std::cell::Cell;

use crate::data;
use crate::db::{Db, Engine, Place};
use crate::layouts::{Groups, Layout};

mod counters;
mod creates;
mod members;
mod pages;
mod queries;
mod reads;

pub struct World {
    pub engine: Engine,
    pub groups: Groups,
    /// Users there are in A, B and C.
    pub rows: [usize; 3],
    /// The next user that does not exist yet.
    pub next: Cell<usize>,
}

impl World {
    fn open(&self, place: &Place, layout: Layout) -> Db {
        place.open(self.engine, layout.database())
    }

    fn rows(&self, layout: Layout) -> usize {
        match layout {
            Layout::Columns => self.rows[0],
            Layout::Index(11) => self.rows[2],
            Layout::Index(_) => self.rows[1],
        }
    }

    /// A user that does not exist yet, generated before the clock starts to matter (about 2 µs of it).
    fn fresh(&self) -> data::User {
        self.next.set(self.next.get() + 1);
        data::user(self.next.get())
    }

    /// `n` units of work in one transaction, each in a savepoint where there are several.
    fn unit(&self, db: &mut Db, n: usize, mut work: impl FnMut(&mut Db)) -> usize {
        db.begin();
        for _ in 0..n {
            if n > 1 {
                db.batch("SAVEPOINT unit");
            }
            work(db);
            if n > 1 {
                db.batch("RELEASE unit");
            }
        }
        db.commit();
        n
    }
}
