//! Charts as geometry: the numbers of an SVG that pages draw, the sentence that says the same, and the table behind it.

use crate::domain::daily::{DayCounts, Population, beginning};
use crate::domain::wording::{day_and_month, grouped};

/// So many days a chart shows.
pub const DAYS: i64 = 30;

/// A bar of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// What it says, in words.
    pub title: String,
    /// Where it begins, from the left.
    pub x: String,
    /// The part that succeeded: from the top, and how high.
    pub done: (String, String),
    /// The part that was refused; `None`: there is none.
    pub refused: Option<(String, String)>,
}

/// A row of the table behind a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// The day.
    pub day: String,
    /// The numbers.
    pub cells: Vec<String>,
}

/// What both kinds of chart have around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axes {
    /// The width, in days.
    pub days: i64,
    /// At the top of the scale,
    pub top: String,
    /// and in its middle.
    pub middle: String,
    /// Under the first day,
    pub first: String,
    /// the one in the middle,
    pub between: String,
    /// and the last.
    pub last: String,
}

/// Requests day by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestChart {
    /// Around it.
    pub axes: Axes,
    /// A bar for each day.
    pub bars: Vec<Bar>,
    /// On which of the days a list of all users was read: from the left, and in words.
    pub imports: Vec<(String, String)>,
    /// The same in a sentence.
    pub sentence: String,
    /// The same as a table, newest first: requests, refused, pages of the list.
    pub table: Vec<TableRow>,
}

/// Users and groups day by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopulationChart {
    /// Around it.
    pub axes: Axes,
    /// The curve of users, as the path of an SVG,
    pub curve: String,
    /// and the area below it.
    pub area: String,
    /// The same in a sentence.
    pub sentence: String,
    /// The same as a table, newest first: users, groups.
    pub table: Vec<TableRow>,
}

/// The next number of the scale: its half is a whole number, too.
fn top(most: i64) -> i64 {
    let mut unit = 2;
    loop {
        for step in [1, 2, 3, 4, 5] {
            if unit * step >= most {
                return unit * step;
            }
        }
        unit = if unit == 2 { 10 } else { unit * 10 };
    }
}

/// A place with two digits.
fn place(hundredths: i64) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:02}").trim_end_matches('0').to_owned() }
}

fn axes(today: i64, top: i64) -> Axes {
    let day = |day| day_and_month(beginning(day));
    Axes {
        days: DAYS,
        top: grouped(top),
        middle: grouped(top / 2),
        first: day(today - DAYS + 1),
        between: day(today - DAYS / 2),
        last: day(today),
    }
}

impl RequestChart {
    /// Of the last days up to today. `known` are days in their order; those that are not there had no request.
    pub fn of(known: &[(i64, DayCounts)], today: i64) -> RequestChart {
        let first = today - DAYS + 1;
        let counts = |day: i64| known.iter().find(|(of, _)| *of == day).map(|(_, counts)| *counts).unwrap_or_default();
        let days: Vec<(i64, DayCounts)> = (first..=today).map(|day| (day, counts(day))).collect();
        let top = top(days.iter().map(|(_, counts)| counts.requests).max().unwrap_or_default());
        let mut bars = Vec::with_capacity(days.len());
        let (mut imports, mut table) = (Vec::new(), Vec::new());
        for (index, (day, counts)) in (0..).zip(&days) {
            let DayCounts { requests, refused, list_pages } = *counts;
            let name = day_and_month(beginning(*day));
            let height = |count: i64| count * 10_000 / top;
            let (done, bad) = (height(requests - refused), height(refused).max(i64::from(refused > 0) * 60));
            bars.push(Bar {
                title: format!("{name}: {}, {} refused", of(requests, "request"), grouped(refused)),
                x: place(index * 100 + 14),
                done: (place((10_000 - bad - done).max(0)), place(done)),
                refused: (refused > 0).then(|| (place(10_000 - bad), place(bad))),
            });
            if list_pages > 0 {
                let words = format!("{name}: {} of the list of users", of(list_pages, "page"));
                imports.push((place(index * 100 + 50), words));
            }
            table.push(TableRow { day: name, cells: [requests, refused, list_pages].map(grouped).to_vec() });
        }
        table.reverse();
        let sentence = request_sentence(&days, today);
        RequestChart { axes: axes(today, top), bars, imports, sentence, table }
    }

    /// Whether nothing was sent in all that time.
    pub fn is_empty(&self) -> bool {
        self.bars.iter().all(|bar| bar.done.1 == "0" && bar.refused.is_none())
    }
}

fn of(count: i64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{} {what}s", grouped(count)) }
}

fn request_sentence(days: &[(i64, DayCounts)], today: i64) -> String {
    let span = format!("from {} to {}", day_and_month(beginning(today - DAYS + 1)), day_and_month(beginning(today)));
    let sum = |of: fn(&DayCounts) -> i64| days.iter().map(|(_, counts)| of(counts)).sum::<i64>();
    let (requests, refused) = (sum(|counts| counts.requests), sum(|counts| counts.refused));
    let Some((most, counts)) = days.iter().max_by_key(|(_, counts)| counts.requests).filter(|_| requests > 0) else {
        return format!("No requests {span}");
    };
    let imports = days.iter().filter(|(_, counts)| counts.list_pages > 0).count();
    let imports = match imports {
        0 => "the list of users was never read".to_owned(),
        1 => "the list of users was read on 1 day".to_owned(),
        many => format!("the list of users was read on {many} days"),
    };
    format!(
        "Requests a day {span}: {} in all, {} of them refused; the most on {}, {}; {imports}",
        grouped(requests),
        grouped(refused),
        day_and_month(beginning(*most)),
        grouped(counts.requests)
    )
}

impl PopulationChart {
    /// Of the last days up to today, which is `now`; `None` while there is nothing to compare with.
    pub fn of(known: &[(i64, Population)], today: i64, now: Population) -> Option<PopulationChart> {
        let first = today - DAYS + 1;
        let mut days: Vec<(i64, Population)> =
            known.iter().copied().filter(|(day, _)| (first..today).contains(day)).collect();
        days.push((today, now));
        if days.len() < 2 {
            return None;
        }
        let top = top(days.iter().map(|(_, count)| count.users).max().unwrap_or_default());
        let point = |(day, count): &(i64, Population)| {
            (place((day - first) * 100 + 50), place(10_000 - count.users * 10_000 / top))
        };
        let mut curve = String::new();
        for (index, (x, y)) in days.iter().map(point).enumerate() {
            curve.push_str(&format!("{}{x} {y}", if index == 0 { "M" } else { " L" }));
        }
        let (begin, end) = (point(&days[0]).0, point(&days[days.len() - 1]).0);
        let area = format!("{curve} L{end} 100 L{begin} 100 Z");
        let (then, was) = days[0];
        let sentence = format!(
            "On {} there were {} and {}; now there are {} and {}",
            day_and_month(beginning(then)),
            of(was.users, "user"),
            of(was.groups, "group"),
            of(now.users, "user"),
            of(now.groups, "group")
        );
        let row = |(day, count): &(i64, Population)| TableRow {
            day: day_and_month(beginning(*day)),
            cells: [count.users, count.groups].map(grouped).to_vec(),
        };
        let table = days.iter().rev().map(row).collect();
        Some(PopulationChart { axes: axes(today, top), curve, area, sentence, table })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: i64 = 20_783; // 26 November 2026

    #[test]
    fn the_scale_ends_at_a_number_that_can_be_halved() {
        let tops = [0, 1, 2, 3, 7, 9, 10, 11, 47, 100, 310, 471, 1_204, 99_999].map(top);
        assert_eq!(tops, [2, 2, 2, 4, 8, 10, 10, 20, 50, 100, 400, 500, 2_000, 100_000]);
        assert!(tops.iter().all(|top| top % 2 == 0));
    }

    #[test]
    fn requests_are_bars_with_a_sentence_and_a_table() {
        let counts = |requests, refused, list_pages| DayCounts { requests, refused, list_pages };
        let known = [(TODAY - 40, counts(9, 9, 9)), (TODAY - 1, counts(471, 3, 5)), (TODAY, counts(1, 1, 0))];
        let chart = RequestChart::of(&known, TODAY);
        assert_eq!((chart.bars.len(), chart.axes.top.as_str()), (30, "500"));
        assert_eq!(
            chart.sentence,
            "Requests a day from 28 Oct to 26 Nov: 472 in all, 4 of them refused; the most on 25 Nov, 471; the list of users was read on 1 day"
        );
        assert_eq!(chart.bars[28].title, "25 Nov: 471 requests, 3 refused");
        assert_eq!(chart.bars[28].refused, Some(("99.4".to_owned(), "0.6".to_owned())));
        assert_eq!(chart.bars[29].title, "26 Nov: 1 request, 1 refused");
        assert_eq!(chart.imports, [("28.5".to_owned(), "25 Nov: 5 pages of the list of users".to_owned())]);
        assert_eq!(
            chart.table[0],
            TableRow { day: "26 Nov".to_owned(), cells: vec!["1".into(), "1".into(), "0".into()] }
        );
        assert!(!chart.is_empty() && RequestChart::of(&[], TODAY).is_empty());
        assert_eq!(RequestChart::of(&[], TODAY).sentence, "No requests from 28 Oct to 26 Nov");
    }

    #[test]
    fn users_are_a_curve_from_the_first_day_that_is_known() {
        let now = Population { users: 412, groups: 18 };
        assert_eq!(PopulationChart::of(&[(TODAY, now)], TODAY, now), None, "one day is no history");
        let chart = PopulationChart::of(&[(TODAY - 3, Population { users: 1, groups: 1 })], TODAY, now).unwrap();
        assert_eq!(chart.sentence, "On 23 Nov there were 1 user and 1 group; now there are 412 users and 18 groups");
        assert_eq!((chart.curve.as_str(), chart.axes.top.as_str()), ("M26.5 99.8 L29.5 17.6", "500"));
        assert_eq!(chart.table.len(), 2);
    }
}
