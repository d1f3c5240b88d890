#!/bin/bash
# zoo run on four machines of eight GPUs each: sbatch slurm.sh simple_cnn webdataset --data /data/shards
#SBATCH --job-name=zoo
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append

# Two minutes before its time is over every process gets SIGUSR1: all keep their state at the same step and end, and the
# job queues again. --resume starts afresh the first time.
export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_PORT=29500 WORLD_SIZE=$SLURM_NTASKS LOCAL_WORLD_SIZE=$SLURM_NTASKS_PER_NODE

srun bash -c 'RANK=$SLURM_PROCID LOCAL_RANK=$SLURM_LOCALID exec zoo-run "$@"' zoo-run "$@" \
  --name "slurm-$SLURM_JOB_ID" --resume
code=$?

# 2: what was asked for is wrong, and would be wrong again.
if [ "$code" -ne 0 ] && [ "$code" -ne 2 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 20 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
