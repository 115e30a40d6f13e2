//! Processor time and memory of the server under test, from /proc: the processes named and all their descendants, so that
//! a database server's children count too.

use std::collections::HashMap;

fn stat(pid: i32) -> Option<(i32, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name stands in parentheses and may have spaces in it.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 2..)?.split(' ').collect();
    let parent = fields.get(1)?.parse().ok()?;
    // utime, stime, and those of the children that were waited for.
    let ticks = fields.get(11..=14)?.iter().map(|n| n.parse::<u64>().unwrap_or(0)).sum();
    Some((parent, ticks))
}

/// The processes and all their descendants.
fn family(roots: &[i32]) -> Vec<i32> {
    if roots.is_empty() {
        return Vec::new();
    }
    let mut parents = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>()
            && let Some((parent, _)) = stat(pid)
        {
            parents.insert(pid, parent);
        }
    }
    let mut found = roots.to_vec();
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        let children: Vec<i32> =
            parents.iter().filter(|(_, parent)| **parent == pid).map(|(child, _)| *child).collect();
        found.extend(children.into_iter().filter(|child| !roots.contains(child)));
        next += 1;
    }
    found
}

/// Seconds of processor time, user and system, so far.
pub fn cpu_seconds(roots: &[i32]) -> f64 {
    family(roots).iter().filter_map(|pid| stat(*pid)).map(|(_, ticks)| ticks).sum::<u64>() as f64 / 100.0
}

/// Memory in MiB: the proportional set size, in which shared pages count once; first all of it, then without the pages of
/// mapped files, which are the kernel's cache and go when memory is short.
pub fn memory_mib(roots: &[i32]) -> (f64, f64) {
    let (mut all, mut own) = (0, 0);
    for pid in family(roots) {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let field = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
        };
        all += field("Pss:");
        own += field("Pss:").saturating_sub(field("Pss_File:"));
    }
    (all as f64 / 1024.0, own as f64 / 1024.0)
}
