//! Tests of the whole house: every module is a room, and `run` is how they use the program.

#[cfg(test)]
mod broken;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod house;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod mic;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod run;
#[cfg(test)]
mod scripts;
