//! The valid combinations of CPU and memory (ECS developer guide, "Troubleshoot Amazon ECS task definition invalid CPU
//! or memory errors"), and the forms in which people write them.

use neargate_model::registration::Registration;

/// CPU units, then the smallest and the largest memory in MiB and the step between.
const SIZES: &[(u32, u32, u32, u32)] = &[
    (256, 512, 2048, 0),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// CPU units and MiB, if Fargate has the pair.
pub(super) fn size(task: &Registration) -> Option<(u32, u32)> {
    let cpu = parse_cpu(task.cpu.as_deref()?)?;
    let memory = parse_memory(task.memory.as_deref()?)?;
    exists(cpu, memory).then_some((cpu, memory))
}

/// `256`, `".25 vCPU"`, `"1 vcpu"` in CPU units.
pub fn parse_cpu(text: &str) -> Option<u32> {
    parse(text, &["vcpu"])
}

/// `512`, `"0.5GB"`, `"1 gb"` in MiB.
pub fn parse_memory(text: &str) -> Option<u32> {
    parse(text, &["gb"])
}

fn parse(text: &str, units: &[&str]) -> Option<u32> {
    let lower = text.trim().to_lowercase();
    for unit in units {
        if let Some(number) = lower.strip_suffix(unit) {
            let value: f64 = number.trim().parse().ok()?;
            let whole = value * 1024.0;
            // Quarters of a vCPU and of a GB are whole numbers of units; anything finer is a typing mistake.
            return (whole.fract() == 0.0 && (1.0..=1e9).contains(&whole)).then_some(whole as u32);
        }
    }
    lower.parse().ok().filter(|value| *value > 0)
}

/// Every memory size that is valid for the CPU; empty for an unknown CPU.
pub fn memories(cpu: u32) -> Vec<u32> {
    match SIZES.iter().find(|(size, ..)| *size == cpu) {
        None => Vec::new(),
        Some((_, _, _, 0)) => vec![512, 1024, 2048],
        Some((_, from, to, step)) => (*from..=*to).step_by(*step as usize).collect(),
    }
}

/// Whether Fargate has this combination.
pub fn exists(cpu: u32, memory: u32) -> bool {
    memories(cpu).contains(&memory)
}

/// The smallest combination that is at least as large, or else the largest.
pub fn nearest(cpu: u32, memory: u32) -> (u32, u32) {
    SIZES
        .iter()
        .filter(|(size, ..)| *size >= cpu)
        .find_map(|(size, ..)| Some((*size, memories(*size).into_iter().find(|has| *has >= memory)?)))
        .unwrap_or((16384, 122_880))
}

/// The row of AWS's table, in words.
pub fn describe(cpu: u32) -> String {
    match SIZES.iter().find(|(size, ..)| *size == cpu) {
        None => {
            let sizes: Vec<String> = SIZES.iter().map(|(size, ..)| size.to_string()).collect();
            format!("cpu is one of {}", sizes.join(", "))
        }
        Some((_, _, _, 0)) => format!("cpu {cpu} goes with memory 512, 1024 or 2048"),
        Some((_, from, to, step)) => format!("cpu {cpu} goes with memory {from} to {to} in steps of {step}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_as_many_rows_as_aws_has() {
        let counts: Vec<usize> = SIZES.iter().map(|(cpu, ..)| memories(*cpu).len()).collect();
        assert_eq!(counts, [3, 4, 7, 13, 23, 12, 12]);
    }

    #[test]
    fn pairs_that_aws_was_seen_to_refuse_are_refused() {
        let refused = [
            (1024, 9216),
            (2048, 17408),
            (4096, 31744),
            (8192, 62464),
            (16384, 131_072),
            (1024, 2560),
            (8192, 17408),
            (16384, 33792),
            (4096, 4096),
        ];
        for (cpu, memory) in refused {
            assert!(!exists(cpu, memory), "{cpu}/{memory}");
        }
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(parse_cpu("256"), Some(256));
        assert_eq!(parse_cpu(".25 vCPU"), Some(256));
        assert_eq!(parse_cpu("1 vcpu"), Some(1024));
        assert_eq!(parse_memory("0.5GB"), Some(512));
        assert_eq!(parse_memory("1 GB"), Some(1024));
        for wrong in ["", "a lot", "-1", "0", "inf vcpu", "1e99GB", "0.0001 vCPU"] {
            assert_eq!(parse_cpu(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_nearest_pair_is_never_smaller() {
        assert_eq!(nearest(256, 4096), (512, 4096));
        assert_eq!(nearest(300, 512), (512, 1024));
        assert_eq!(nearest(1024, 2500), (1024, 3072));
        assert_eq!(nearest(99999, 1), (16384, 122_880));
    }
}
