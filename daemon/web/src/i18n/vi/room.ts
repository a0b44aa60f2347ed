export const roomWords = {
};
